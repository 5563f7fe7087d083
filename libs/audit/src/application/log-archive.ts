import type { Checkpoint } from '../domain/checkpoint.js';
import type { SealedRecord } from '../domain/chain.js';

/** Both ends of the sealed log. */
export interface LogBounds {
  /** The record before the first one that is kept: 0, or its partition was dropped. */
  readonly start: { readonly seq: number; readonly hash: Buffer };
  /** Whether the record that the log starts after is still there, and has not expired. */
  readonly isStartKept: boolean;
  /** The last sealed record. */
  readonly lastSeq: number;
  /** The record that the first checkpoint vouches for; 0: there is none. */
  readonly firstCheckpoint: number;
  /** The record that the last checkpoint vouches for; 0: there is none. */
  readonly lastCheckpoint: number;
  /** How many records there are beyond the end of the log. */
  readonly beyond: number;
}

/** Reads the log for verification. */
export abstract class LogArchive {
  abstract bounds(): Promise<LogBounds>;
  /** In the order of the log. @param upTo the last one that is read */
  abstract records(after: number, upTo: number, limit: number): Promise<readonly SealedRecord[]>;
  /** In the order of the log. */
  abstract checkpoints(after: number, upTo: number): Promise<readonly Checkpoint[]>;
}
