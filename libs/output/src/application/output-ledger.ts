import type { StreamName } from '@app/supervisor';
import type { Position } from '@app/commands';

/** A run of one stream's bytes, or a range declared missing. */
export type OutputRun = OutputData | OutputGap;

export interface OutputData {
  readonly kind: 'data';
  readonly stream: StreamName;
  /** Position of the first byte in its stream. */
  readonly offset: number;
  readonly data: Buffer;
}

export interface OutputGap {
  readonly kind: 'gap';
  readonly stream: StreamName;
  readonly offset: number;
  readonly length: number;
  readonly reason: string;
}

export const RUN_BYTES_MAX = 64 * 1024;
/** Maximum number of gaps read at a time. */
export const GAPS_MAX = 100;

/** What commands wrote. Appending is fenced by the lease and the position, so no byte is lost or duplicated. */
export abstract class OutputLedger {
  /**
   * Appends runs that begin at `from`, in one transaction. Safe to repeat after an outage.
   * @throws {@link LeaseLost} if another replica holds the command or the position has moved
   */
  abstract append(commandId: string, owner: string, from: Position, runs: readonly OutputRun[]): Promise<void>;
  /**
   * The runs from a position on, in the order of storing, about `maxBytes` of them; the first is cut at the position.
   */
  abstract read(commandId: string, from: Position, maxBytes: number): Promise<readonly OutputRun[]>;
  /** The runs of one stream from an offset on. */
  abstract readStream(
    commandId: string,
    stream: StreamName,
    offset: number,
    maxBytes: number,
  ): Promise<readonly OutputRun[]>;
  /** The first missing ranges of one stream that extend beyond an offset, at most {@link GAPS_MAX}, uncut. */
  abstract gaps(commandId: string, stream: StreamName, offset: number): Promise<readonly OutputGap[]>;
}
