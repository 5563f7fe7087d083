import type { LogRecord, NewEvent } from '@app/kernel';

export const OUTCOMES = ['allowed', 'denied', 'succeeded', 'failed'] as const satisfies readonly NewEvent['outcome'][];

/** An event with its place in the chain of seals. */
export interface AuditRecord extends LogRecord {
  /** The seal of the record before it, in hexadecimal digits; null: not sealed yet. */
  readonly previousHash: string | null;
  /** Its own seal. */
  readonly hash: string | null;
}
