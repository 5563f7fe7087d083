import { type NewEvent, matchesGlob } from '@app/kernel';
import type { CommandSpec, CommandType, NewCommand, Work } from './command.js';
import { gitRefusal } from './git-policy.js';

/** Why a command is refused. */
export interface Rejection {
  readonly by: 'policy' | 'git';
  /** Which rule of the policy decided, counted from 1; null with git. */
  readonly rule: number | null;
  /** Ends a sentence; shown to the client. */
  readonly reason: string;
}

/** Applies to a command that meets all its conditions; of the globs in one condition, any has to match. Null: no condition. */
export interface PolicyRule {
  readonly action: 'allow' | 'deny';
  readonly types: readonly CommandType[] | null;
  readonly projects: readonly string[] | null;
  readonly keys: readonly string[] | null;
  /** Of the program without its directory; "git" for the type git. Scripts have none, so they never match. */
  readonly programs: readonly string[] | null;
  /** Of program and arguments, separated by single spaces. Scripts have none, so they never match. */
  readonly argv: readonly string[] | null;
  /** Of the whole script. */
  readonly scripts: readonly string[] | null;
  readonly reason: string | null;
}

export interface PolicySubject {
  readonly projectId: string;
  readonly keyId: string;
  readonly work: Work;
}

/** Rules in order: the first that applies decides, and what none applies to is allowed. A guard-rail: a script can do what its text does not show. */
export class CommandPolicy {
  constructor(private readonly rules: readonly PolicyRule[] = []) {}

  /** Null: it may run. */
  rejection(subject: PolicySubject, env: CommandSpec['env']): Rejection | null {
    const index = this.rules.findIndex((rule) => applies(rule, subject));
    const rule = this.rules[index];
    if (rule?.action === 'deny') {
      return { by: 'policy', rule: index + 1, reason: rule.reason ?? 'the policy of this server denies it' };
    }
    const reason = subject.work.type === 'git' ? gitRefusal(subject.work.args, env) : null;
    return reason === null ? null : { by: 'git', rule: null, reason };
  }
}

function applies(rule: PolicyRule, { projectId, keyId, work }: PolicySubject): boolean {
  const argv = argvOf(work);
  return (
    (rule.types?.includes(work.type) ?? true) &&
    matchesAny(rule.projects, projectId) &&
    matchesAny(rule.keys, keyId) &&
    matchesAny(rule.programs, argv?.[0]?.split('/').at(-1)) &&
    matchesAny(rule.argv, argv?.join(' ')) &&
    matchesAny(rule.scripts, work.type === 'shell' ? work.script : undefined)
  );
}

function argvOf(work: Work): readonly string[] | undefined {
  if (work.type === 'shell') return undefined;
  return work.type === 'git' ? ['git', ...work.args] : work.argv;
}

function matchesAny(globs: readonly string[] | null, text: string | undefined): boolean {
  return globs === null || (text !== undefined && globs.some((glob) => matchesGlob(glob, text)));
}

/** Never what the command was: a refused one may hold a secret as any other. */
export function commandRejected({ projectId, spec }: NewCommand, { by, rule }: Rejection): NewEvent {
  const data = { type: spec.work.type, by, rule };
  return { type: 'command.rejected', projectId, target: projectId, outcome: 'denied', data };
}
