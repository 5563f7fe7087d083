import type { StreamName } from '@app/supervisor';
import type { OutputRun } from '../../application/output-ledger.js';
import type { Position } from '@app/commands';
import { type Encoded, encode, jsonBytes, partialCharacterBytes } from '../../domain/utf8.js';

type OutputFrame = {
  readonly kind: 'output';
  readonly stream: StreamName;
  readonly offset: number;
  readonly after: Position;
} & Encoded;

export type Frame =
  | OutputFrame
  | {
      readonly kind: 'gap';
      readonly stream: StreamName;
      readonly from: number;
      readonly to: number;
      readonly reason: string;
      readonly after: Position;
    };

const FRAME_BYTES_MAX = 64 * 1024;
/** A control character takes six bytes in JSON, so output full of them is cut into smaller pieces. */
const FRAME_JSON_BYTES_MAX = 128 * 1024;
const EMPTY: Buffer = Buffer.alloc(0);

/** Cuts runs of bytes into frames without splitting UTF-8 characters: the first bytes of one wait for the rest. */
export class Framer {
  private readonly held: Record<StreamName, Buffer> = { stdout: EMPTY, stderr: EMPTY };
  private readonly given: { stdout: number; stderr: number };
  private readonly heldSince: Record<StreamName, number> = { stdout: 0, stderr: 0 };

  constructor(from: Position) {
    this.given = { ...from };
  }

  /** The position after the frames so far, without pending bytes. */
  get position(): Position {
    return { ...this.given };
  }

  *push(runs: readonly OutputRun[]): Generator<Frame> {
    for (const run of runs) {
      if (run.kind === 'gap') {
        yield* this.flushStream(run.stream);
        const to = run.offset + run.length;
        this.given[run.stream] = to;
        yield { kind: 'gap', stream: run.stream, from: run.offset, to, reason: run.reason, after: this.position };
        continue;
      }
      const held = this.held[run.stream];
      let bytes: Buffer = Buffer.concat([held, run.data]);
      while (bytes.length > 0) {
        const frame = this.next(run.stream, bytes);
        if (frame === null) break;
        const length = frame.after[run.stream] - frame.offset;
        yield frame;
        bytes = bytes.subarray(length);
      }
      // Pending bytes now belong to another character, unless nothing was returned.
      if (bytes.length < held.length + run.data.length || held.length === 0)
        this.heldSince[run.stream] = performance.now();
      this.held[run.stream] = bytes;
    }
  }

  /** Returns bytes that have been pending this long, even if they split a character. */
  *flush(waitedMs = 0): Generator<Frame> {
    for (const stream of ['stdout', 'stderr'] as const) {
      if (performance.now() - this.heldSince[stream] >= waitedMs) yield* this.flushStream(stream);
    }
  }

  private *flushStream(stream: StreamName): Generator<Frame> {
    const bytes = this.held[stream];
    this.held[stream] = EMPTY;
    if (bytes.length > 0) yield this.frame(stream, encode(bytes), bytes.length);
  }

  /** The next frame of these bytes; null if they contain no complete character. */
  private next(stream: StreamName, bytes: Buffer): OutputFrame | null {
    for (let bytesMax = FRAME_BYTES_MAX; ; bytesMax /= 2) {
      const piece = bytes.subarray(0, bytesMax);
      const whole = piece.length - partialCharacterBytes(piece);
      if (whole === 0) return null;
      const encoded = encode(piece.subarray(0, whole));
      if (jsonBytes(encoded) <= FRAME_JSON_BYTES_MAX) return this.frame(stream, encoded, whole);
    }
  }

  private frame(stream: StreamName, encoded: Encoded, length: number): OutputFrame {
    const offset = this.given[stream];
    this.given[stream] = offset + length;
    return { kind: 'output', stream, ...encoded, offset, after: this.position };
  }
}
