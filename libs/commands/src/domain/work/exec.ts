import type { WorkType } from './work-type.js';

export interface ExecWork {
  readonly type: 'exec';
  readonly argv: readonly string[];
}

export const EXEC: WorkType<ExecWork> = {
  fields: {
    argv: { kind: 'arguments', example: ['make', 'test'], description: 'For `exec`: exactly these arguments' },
  },
  example: { summary: 'A program with arguments', value: { type: 'exec', argv: ['ls', '-l'] } },
  isGuarded: false,
  program: ({ argv }) => ({ argv }),
  faults: ({ argv }) => (argv[0] === '' ? [{ pointer: '#/argv/0', detail: 'must name a program' }] : []),
};
