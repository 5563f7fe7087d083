import type { KeyObject } from 'node:crypto';
import { keyIdOf } from '../domain/audit-key.js';
import { ChainVerifier, type Fault, type SealedRecord } from '../domain/chain.js';
import { type Checkpoint, isGenuine } from '../domain/checkpoint.js';

/** Checkpoints are logged soon after the record that they vouch for; so many seals are remembered. */
const REMEMBERED = 65_536;

/** A checkpoint as clients get it: from the API, a webhook, or the log of rdev. */
export interface KeptCheckpoint extends Omit<Checkpoint, 'at'> {
  readonly at: string;
  readonly installId: string;
}

export interface ExportOptions {
  /** Public keys that are trusted. */
  readonly keys: readonly KeyObject[];
  /** Checkpoints that were kept elsewhere. */
  readonly kept: readonly KeptCheckpoint[];
  /** Whether the export was filtered: each record is checked against the seal before it, as the export has it. */
  readonly isPartial: boolean;
}

export interface ExportVerdict {
  readonly checked: number;
  readonly firstSeq: number | null;
  readonly lastSeq: number | null;
  /** Checkpoints in the export that a trusted key has signed, and that agree with the records. */
  readonly checkpoints: number;
  /** Checkpoints that could not be checked: another key has signed them, or their record is not in the export. */
  readonly unchecked: number;
  readonly fault: Fault | null;
}

/** Verifies an export of the log, line by line. */
export class ExportVerifier {
  private chain: ChainVerifier | undefined;
  private readonly keys: ReadonlyMap<string, KeyObject>;
  private readonly seals = new Map<number, string>();
  private checked = 0;
  private checkpoints = 0;
  private unchecked = 0;
  private firstSeq: number | null = null;

  constructor(private readonly options: ExportOptions) {
    this.keys = new Map(options.keys.map((key) => [keyIdOf(key), key]));
  }

  /** @param lines of NDJSON; @throws Error if a line is no record */
  async verify(lines: AsyncIterable<string>): Promise<ExportVerdict> {
    for await (const line of lines) {
      if (line.trim() === '') continue;
      const fault = this.next(JSON.parse(line) as ExportedRecord);
      if (fault !== null) return this.verdict(fault);
    }
    return this.verdict(this.kept() ?? this.chain?.end(0) ?? null);
  }

  private next({ previousHash, hash, at, ...rest }: ExportedRecord): Fault | null {
    const record: SealedRecord = { ...rest, at: new Date(at), hash: hash === null ? null : Buffer.from(hash, 'hex') };
    const follows = this.chain?.position.seq === record.seq - 1;
    if (this.chain === undefined || (this.options.isPartial && !follows)) this.begin(record.seq - 1, previousHash);
    const fault = this.chain?.next(record) ?? null;
    if (fault !== null) return fault;
    this.checked++;
    this.remember(record.seq, hash ?? '');
    return record.type === 'audit.checkpoint' ? this.recorded(record) : null;
  }

  private begin(seq: number, hash: string): void {
    this.firstSeq ??= seq + 1;
    this.chain = new ChainVerifier({ seq, hash: Buffer.from(hash, 'hex') });
  }

  private remember(seq: number, hash: string): void {
    this.seals.set(seq, hash);
    for (const { seq: keptSeq, hash: keptHash } of this.options.kept)
      if (keptSeq === seq) this.keptSeals.set(seq, keptHash === hash);
    const oldest = this.seals.keys().next().value;
    if (this.seals.size > REMEMBERED && oldest !== undefined) this.seals.delete(oldest);
  }

  /** Whether the record of each kept checkpoint has its seal. */
  private readonly keptSeals = new Map<number, boolean>();

  /** Checks a checkpoint that is itself a record. */
  private recorded({ seq, id, data }: SealedRecord): Fault | null {
    const checkpoint = data as unknown as KeptCheckpoint;
    const key = this.keys.get(checkpoint.keyId);
    const sealed = this.seals.get(checkpoint.seq);
    if (key === undefined || sealed === undefined) {
      this.unchecked++;
      return null;
    }
    if (!isSignedBy(key, checkpoint)) return { seq, id, reason: 'signature', detail: 'Its signature is wrong' };
    if (sealed !== checkpoint.hash) return mismatch(checkpoint.seq);
    this.checkpoints++;
    return null;
  }

  private kept(): Fault | null {
    for (const checkpoint of this.options.kept) {
      const { seq } = checkpoint;
      const key = this.keys.get(checkpoint.keyId);
      if (key === undefined)
        return { seq, id: null, reason: 'signature', detail: `No given key has the id ${checkpoint.keyId}` };
      if (!isSignedBy(key, checkpoint)) return { seq, id: null, reason: 'signature', detail: 'Its signature is wrong' };
      const agrees = this.keptSeals.get(seq);
      if (agrees === false) return mismatch(seq);
      const isBeyond = seq > (this.chain?.position.seq ?? 0);
      if (isBeyond)
        return { seq, id: null, reason: 'end', detail: 'The export ends before the record of the kept checkpoint' };
      if (agrees === true) this.checkpoints++;
      else this.unchecked++;
    }
    return null;
  }

  private verdict(fault: Fault | null): ExportVerdict {
    const { checked, firstSeq, checkpoints, unchecked } = this;
    return { checked, firstSeq, lastSeq: this.chain?.position.seq ?? null, checkpoints, unchecked, fault };
  }
}

interface ExportedRecord extends Omit<SealedRecord, 'at' | 'hash'> {
  readonly at: string;
  readonly previousHash: string;
  readonly hash: string | null;
}

function isSignedBy(key: KeyObject, checkpoint: KeptCheckpoint): boolean {
  return isGenuine({ ...checkpoint, at: new Date(checkpoint.at) }, checkpoint.installId, key);
}

function mismatch(seq: number): Fault {
  const detail = 'A checkpoint vouches for another seal: this record or one before it was replaced';
  return { seq, id: null, reason: 'checkpoint', detail };
}
