import type { StreamName } from '@app/supervisor';
import type { Position } from '@app/commands';

/** A run of one stream's bytes, or a range of them that is declared missing. */
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
/** So many gaps are read at a time. */
export const GAPS_MAX = 100;

/**
 * What commands wrote, byte by byte. Appending is fenced by the lease and the position, so no byte is lost or doubled.
 */
export abstract class OutputLedger {
  /**
   * Appends runs that begin at `from`, in one transaction. Running it again after an outage does no harm.
   * @throws {@link LeaseLost} if another replica holds the command or the position has moved
   */
  abstract append(commandId: string, owner: string, from: Position, runs: readonly OutputRun[]): Promise<void>;
  /**
   * The runs from a position on, in the order in which they were stored, about `maxBytes` of them; cut at the position.
   */
  abstract read(commandId: string, from: Position, maxBytes: number): Promise<readonly OutputRun[]>;
  /** The runs of one stream from an offset on. */
  abstract readStream(
    commandId: string,
    stream: StreamName,
    offset: number,
    maxBytes: number,
  ): Promise<readonly OutputRun[]>;
  /**
   * The first ranges of one stream that are declared missing and reach beyond an offset, at most {@link GAPS_MAX},
   * whole.
   */
  abstract gaps(commandId: string, stream: StreamName, offset: number): Promise<readonly OutputGap[]>;
}
