import type { WorkType } from './work-type.js';

export interface GitWork {
  readonly type: 'git';
  readonly args: readonly string[];
}

export const GIT: WorkType<GitWork> = {
  fields: {
    args: {
      kind: 'arguments',
      example: ['status'],
      description: 'For `git`: its arguments, restricted to the allowed ones',
    },
  },
  example: { summary: 'git', value: { type: 'git', args: ['--version'] } },
  isGuarded: true,
  program: ({ args }) => ({ argv: ['git', ...args] }),
};
