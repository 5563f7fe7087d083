/** Requests that can be sent as they are. */
export const COMMAND_EXAMPLES = {
  shell: { summary: 'A script', value: { type: 'shell', script: 'for i in 1 2 3; do echo $i; sleep 1; done' } },
  exec: { summary: 'A program with its arguments', value: { type: 'exec', argv: ['ls', '-l'] } },
  git: { summary: 'git', value: { type: 'git', args: ['--version'] } },
  text: {
    summary: 'With text on its stdin',
    value: { type: 'exec', argv: ['wc', '-l'], stdin: { text: 'one\ntwo\n' } },
  },
  open: {
    summary: 'With a stdin that is written later, by `POST /v1/commands/{id}/stdin`',
    value: { type: 'shell', script: 'while read -r line; do echo "got $line"; done', stdin: 'open' },
  },
};
