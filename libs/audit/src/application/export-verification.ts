import type { KeyObject } from 'node:crypto';
import { jsonLine } from '@app/kernel';
import { keyIdOf } from '../domain/audit-key.js';
import { ChainVerifier, type Fault, type SealedRecord } from '../domain/chain.js';
import { type Checkpoint, isGenuine } from '../domain/checkpoint.js';
import { type ExportedRecord, isUnambiguous, readRecord } from './exported-record.js';

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
    let number = 0;
    for await (const line of lines) {
      number++;
      // Without a byte order mark, too.
      const text = line.trim();
      const fault = text === '' ? null : this.read(readRecord(text, number), text);
      if (fault !== null) return this.verdict(fault);
    }
    return this.verdict(this.kept() ?? this.chain?.end(0) ?? null);
  }

  private read(read: ExportedRecord | Fault, text: string): Fault | null {
    return 'reason' in read ? read : this.next(read, text);
  }

  private next(exported: ExportedRecord, text: string): Fault | null {
    const { previousHash, hash, at, ...rest } = exported;
    const record: SealedRecord = { ...rest, at: new Date(at), hash: hash === null ? null : Buffer.from(hash, 'hex') };
    const chain = this.chainFor(record.seq, previousHash);
    const before = chain.position.hash;
    const fault = chain.next(record);
    if (fault !== null) return fault;
    if (before !== previousHash || !(jsonLine(exported) === text || isUnambiguous(text))) return ambiguous(record);
    this.checked++;
    this.remember(record.seq, hash ?? '');
    return record.type === 'audit.checkpoint' ? this.recorded(record) : null;
  }

  /** In a partial export, records between others are absent; those that are not have their order. */
  private chainFor(seq: number, previousHash: string): ChainVerifier {
    const last = this.chain?.position.seq;
    if (this.chain !== undefined && !(this.options.isPartial && seq - 1 > (last ?? 0))) return this.chain;
    this.firstSeq ??= seq;
    this.chain = new ChainVerifier({ seq: seq - 1, hash: Buffer.from(previousHash, 'hex') });
    // The first record vouches for the seal before it.
    this.remember(seq - 1, previousHash);
    return this.chain;
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
    if (!isCheckpoint(data)) return { seq, id, reason: 'checkpoint', detail: 'It is no checkpoint' };
    const key = this.keys.get(data.keyId);
    const sealed = this.seals.get(data.seq);
    if (sealed !== undefined && sealed !== data.hash) return mismatch(data.seq);
    if (key === undefined || sealed === undefined) {
      this.unchecked++;
      return null;
    }
    if (!isSignedBy(key, data)) return { seq, id, reason: 'signature', detail: 'Its signature is wrong' };
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

/** Whether the value has the members of a checkpoint. */
export function isCheckpoint(value: object): value is KeptCheckpoint {
  const { seq, hash, at, keyId, signature, installId } = value as Partial<Record<keyof KeptCheckpoint, unknown>>;
  const texts = [hash, at, keyId, signature, installId];
  return (
    Number.isSafeInteger(seq) &&
    texts.every((text) => typeof text === 'string') &&
    !Number.isNaN(Date.parse(at as string))
  );
}

function isSignedBy(key: KeyObject, checkpoint: KeptCheckpoint): boolean {
  return isGenuine({ ...checkpoint, at: new Date(checkpoint.at) }, checkpoint.installId, key);
}

function mismatch(seq: number): Fault {
  const detail = 'A checkpoint vouches for another seal: this record or one before it was replaced';
  return { seq, id: null, reason: 'checkpoint', detail };
}

function ambiguous({ seq, id }: SealedRecord): Fault {
  return { seq, id, reason: 'changed', detail: 'Programs may read its line differently: rdev has not exported it' };
}
