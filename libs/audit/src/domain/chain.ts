import { GENESIS, type LogRecord, sealOf } from '@app/kernel';

/** A record of the log with its seal. */
export interface SealedRecord extends LogRecord {
  /** Null: it is not sealed. */
  readonly hash: Buffer | null;
}

export const FAULTS = [
  'changed',
  'missing',
  'repeated',
  'unsealed',
  'checkpoint',
  'signature',
  'start',
  'end',
] as const;

/** The first thing that is wrong with a log. */
export interface Fault {
  readonly seq: number;
  /** Of the record; null: there is none with this `seq`. */
  readonly id: string | null;
  readonly reason: (typeof FAULTS)[number];
  readonly detail: string;
}

/** Checks records one after the other. */
export class ChainVerifier {
  private readonly expected = new Map<number, string>();
  checked = 0;

  /** @param last the position and seal of the record before the first */
  constructor(private last: { seq: number; hash: Buffer } = { seq: 0, hash: GENESIS }) {}

  /** The position of the last record, and its seal in hexadecimal digits. */
  get position(): { readonly seq: number; readonly hash: string } {
    return { seq: this.last.seq, hash: this.last.hash.toString('hex') };
  }

  /** A record that is still to come must have this seal, in hexadecimal digits. */
  expect(seq: number, hash: string): void {
    this.expected.set(seq, hash);
  }

  /** Null: the record is the next one, and as it was sealed. */
  next(record: SealedRecord): Fault | null {
    const { seq, id, hash } = record;
    const wanted = this.last.seq + 1;
    if (seq > wanted) return this.gapBefore(seq);
    const fault = (reason: Fault['reason'], detail: string): Fault => ({ seq, id, reason, detail });
    if (seq < wanted) return fault('repeated', `It follows the record ${String(this.last.seq)}`);
    if (hash === null) return fault('unsealed', 'It has no seal');
    if (!sealOf(this.last.hash, record).equals(hash))
      return fault('changed', 'It is not what was sealed, or a record before it is not');
    const expected = this.expected.get(seq);
    this.expected.delete(seq);
    if (expected !== undefined && expected !== hash.toString('hex'))
      return fault('checkpoint', 'A checkpoint vouches for another seal: this record or one before it was replaced');
    this.last = { seq, hash };
    this.checked++;
    return null;
  }

  /** Null: the log reaches as far as it must. @param lastSeq the position of its last record */
  end(lastSeq: number): Fault | null {
    const wanted = Math.max(lastSeq, ...this.expected.keys());
    if (this.last.seq >= wanted) return null;
    const detail = `The log ends with ${String(this.last.seq)}, but there were records up to ${String(wanted)}`;
    return { seq: this.last.seq + 1, id: null, reason: 'end', detail };
  }

  private gapBefore(seq: number): Fault {
    const first = this.last.seq + 1;
    const span =
      first === seq - 1 ? `The record ${String(first)} is` : `The records ${String(first)} to ${String(seq - 1)} are`;
    return { seq: first, id: null, reason: 'missing', detail: `${span} missing` };
  }
}
