import type { InvalidField } from '@app/kernel';
import { EXEC, type ExecWork } from './exec.js';
import { GIT, type GitWork } from './git.js';
import { SHELL, type ShellWork } from './shell.js';
import type { Program, WorkType } from './work-type.js';

export type { Program, WorkField } from './work-type.js';

export type Work = ShellWork | ExecWork | GitWork;
export type CommandType = Work['type'];

/** Every type of command. A new one is a file in this directory, and a line here. */
export const WORK_TYPES: { readonly [T in CommandType]: WorkType<Extract<Work, { type: T }>> } = {
  shell: SHELL,
  exec: EXEC,
  git: GIT,
};

export const COMMAND_TYPES = Object.keys(WORK_TYPES) as CommandType[];

export function programOf(work: Work): Program {
  return typeOf(work).program(work);
}

export function isGuarded(work: Work): boolean {
  return typeOf(work).isGuarded;
}

export function faultsOf(work: Work): readonly InvalidField[] {
  return typeOf(work).faults?.(work) ?? [];
}

function typeOf(work: Work): WorkType<Work> {
  return WORK_TYPES[work.type];
}
