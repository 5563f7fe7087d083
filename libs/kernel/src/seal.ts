import { createHash } from 'node:crypto';
import { canonicalJson } from './canonical-json.js';
import type { Actor, NewEvent } from './event-log.js';

/** What is sealed of an event: all that the log keeps of it. */
export interface LogRecord {
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
}

/** Stands before the first record of a log. */
export const GENESIS = Buffer.alloc(32);

/**
 * The seal of a record: SHA-256 of the seal before it and of the record's canonical JSON (RFC 8785), where `at` is in
 * ISO 8601 with milliseconds. So the seal of a record vouches for all records before it.
 */
export function sealOf(previous: Buffer, record: LogRecord): Buffer {
  const { seq, id, type, at, projectId, target, outcome, actor, data, details } = record;
  const sealed = { seq, id, type, at: at.toISOString(), projectId, target, outcome, actor, data, details };
  return createHash('sha256').update(previous).update(canonicalJson(sealed)).digest();
}

/** Seals consecutive records. @param previous the seal of the record before the first */
export function sealAll<T extends LogRecord>(
  previous: Buffer,
  records: readonly T[],
): (T & { readonly hash: Buffer })[] {
  let hash = previous;
  return records.map((record) => ({ ...record, hash: (hash = sealOf(hash, record)) }));
}
