import type { Page, PageRequest } from '@app/kernel';
import type { Checkpoint, PublicAuditKey } from '../domain/checkpoint.js';

/** A record of the log, and its seal in hexadecimal digits. */
export interface Sealed {
  readonly seq: number;
  readonly hash: string;
}

/** Checkpoints of the log, and the keys that signed them. */
export abstract class CheckpointRepository {
  /** One transaction at a time makes checkpoints. @returns false: another one is at it */
  abstract lock(): Promise<boolean>;
  /** The last sealed record; null: there is none. */
  abstract head(): Promise<Sealed | null>;
  /** The record before the first one that is kept; null: there is none, or it has no seal. */
  abstract start(): Promise<Sealed | null>;
  abstract last(): Promise<Checkpoint | null>;
  /** The last records of partitions that are complete since that time, have no checkpoint, and are sealed. */
  abstract ends(before: Date): Promise<readonly Sealed[]>;
  abstract insert(checkpoint: Checkpoint): Promise<void>;
  abstract insertKey(key: PublicAuditKey): Promise<void>;
  /** Oldest first. */
  abstract keys(): Promise<readonly PublicAuditKey[]>;
  /** Newest first. */
  abstract list(page: PageRequest): Promise<Page<Checkpoint>>;
}
