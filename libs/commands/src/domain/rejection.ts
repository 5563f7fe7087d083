import type { NewEvent } from '@app/kernel';
import type { NewCommand } from './command.js';

/** Why a command is refused. */
export interface Rejection {
  readonly by: 'policy' | 'git';
  /** Which rule of the policy decided, counted from 1; null with git. */
  readonly rule: number | null;
  /** Ends a sentence; shown to the client. */
  readonly reason: string;
}

/** Never what the command was: a refused one may hold a secret as any other. */
export function commandRejected({ projectId, spec }: NewCommand, { by, rule }: Rejection): NewEvent {
  const data = { type: spec.work.type, by, rule };
  return { type: 'command.rejected', projectId, target: projectId, outcome: 'denied', data };
}
