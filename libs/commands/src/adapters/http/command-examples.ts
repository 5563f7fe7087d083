import { WORK_TYPES } from '../../domain/work/index.js';

/** Requests that work unchanged. */
export const COMMAND_EXAMPLES = {
  ...Object.fromEntries(Object.entries(WORK_TYPES).map(([type, { example }]) => [type, example])),
  text: {
    summary: 'With text for stdin',
    value: { type: 'exec', argv: ['wc', '-l'], stdin: { text: 'one\ntwo\n' } },
  },
  open: {
    summary: 'With stdin written later, by `POST /v1/commands/{id}/stdin`',
    value: { type: 'shell', script: 'while read -r line; do echo "got $line"; done', stdin: 'open' },
  },
};
