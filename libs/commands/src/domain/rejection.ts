import type { NewEvent } from '@app/kernel';
import type { NewCommand } from './command.js';

/** Why a command is refused. */
export interface Rejection {
  readonly by: 'policy' | 'git';
  /** The policy rule that decided, counted from 1; null for git. */
  readonly rule: number | null;
  /** Completes a sentence shown to the client. */
  readonly reason: string;
}

/** @param details what it would have run, redacted: a refused command may contain secrets like any other */
export function commandRejected(
  { projectId, spec, creator }: NewCommand,
  { by, rule }: Rejection,
  details: object,
): NewEvent {
  const data = { type: spec.work.type, by, rule };
  return {
    type: 'command.rejected',
    projectId,
    target: projectId,
    outcome: 'denied',
    data,
    details: { ...details },
    actor: creator,
  };
}
