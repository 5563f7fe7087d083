import type { WorkType } from './work-type.js';

export interface ShellWork {
  readonly type: 'shell';
  readonly script: string;
}

export const SHELL: WorkType<ShellWork> = {
  fields: {
    script: {
      kind: 'text',
      example: 'echo hello',
      description:
        'For `shell`: run as a file, by the program of its `#!` line, otherwise by `sh`. A byte order mark is removed, and if all ' +
        'lines end in CRLF they are changed to LF; a script with both is not changed. No NUL',
    },
  },
  example: { summary: 'A script', value: { type: 'shell', script: 'for i in 1 2 3; do echo $i; sleep 1; done' } },
  isGuarded: false,
  program: ({ script }) => ({ script }),
};
