import type { Actor, NewEvent } from '@app/kernel';

export const OUTCOMES = ['allowed', 'denied', 'succeeded', 'failed'] as const satisfies readonly NewEvent['outcome'][];

/** An event with its place in the chain of seals. */
export interface AuditRecord {
  /** Position in the log, without gaps. */
  readonly seq: number;
  readonly id: string;
  readonly type: string;
  readonly at: Date;
  readonly projectId: string | null;
  readonly target: string;
  readonly outcome: NewEvent['outcome'];
  readonly actor: Actor;
  readonly data: Readonly<Record<string, unknown>>;
  readonly details: Readonly<Record<string, unknown>> | null;
  /** The seal of the record before it, in hexadecimal digits; null: not sealed yet. */
  readonly previousHash: string | null;
  /** Its own seal. */
  readonly hash: string | null;
}
