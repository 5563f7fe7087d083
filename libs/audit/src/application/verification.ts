import type { KeyObject } from 'node:crypto';
import { GENESIS, Install } from '@app/kernel';
import { Injectable } from '@nestjs/common';
import { readPublicKey } from '../domain/audit-key.js';
import { ChainVerifier, type Fault, type SealedRecord } from '../domain/chain.js';
import { type Checkpoint, isGenuine } from '../domain/checkpoint.js';
import { CheckpointRepository } from './checkpoint.repository.js';
import { LogArchive, type LogBounds } from './log-archive.js';

const BATCH = 1_000;

export interface Progress {
  /** Records so far. */
  readonly checked: number;
  readonly lastSeq: number;
}

export interface Verdict {
  readonly valid: boolean;
  readonly checked: number;
  /** Checkpoints whose signature and seal were checked. */
  readonly checkpoints: number;
  readonly firstSeq: number | null;
  readonly lastSeq: number;
  readonly firstBad: Fault | null;
}

/** Verifies the log against itself and against the checkpoints beside it. */
@Injectable()
export class Verification {
  constructor(
    private readonly archive: LogArchive,
    private readonly checkpoints: CheckpointRepository,
    private readonly install: Install,
  ) {}

  /** Reads the log as it is now; yields after each batch, and returns the verdict. */
  async *verify(): AsyncGenerator<Progress, Verdict> {
    for (;;) {
      const verdict = yield* this.once();
      const { firstBad } = verdict;
      // Retention may have dropped a month meanwhile.
      if (firstBad?.reason !== 'missing' || (await this.archive.bounds()).start.seq < firstBad.seq) return verdict;
    }
  }

  private async *once(): AsyncGenerator<Progress, Verdict> {
    const bounds = await this.archive.bounds();
    const keys = (await this.checkpoints.keys()).map(({ id, publicKey }) => [id, readPublicKey(publicKey)] as const);
    const run = new Run(bounds, new Map(keys), this.install.id);
    const { start, lastSeq } = bounds;
    const [first] = start.seq === 0 ? [] : await this.archive.checkpoints(start.seq - 1, start.seq);
    let fault = run.begin(first);
    while (fault === null && run.seq < lastSeq) {
      const records = await this.archive.records(run.seq, lastSeq, BATCH);
      const last = records.at(-1);
      if (last === undefined) break;
      fault = run.next(records, await this.archive.checkpoints(run.seq, last.seq));
      yield { checked: run.checked, lastSeq };
    }
    // Checkpoints beyond the end: the last records were removed.
    fault ??= run.end(await this.archive.checkpoints(lastSeq, bounds.lastCheckpoint));
    return run.verdict(fault);
  }
}

/** One verification. */
class Run {
  private readonly chain: ChainVerifier;
  private genuine = 0;

  constructor(
    private readonly bounds: LogBounds,
    private readonly keys: ReadonlyMap<string, KeyObject>,
    private readonly installId: string,
  ) {
    this.chain = new ChainVerifier(bounds.start);
  }

  get seq(): number {
    return this.chain.position.seq;
  }

  get checked(): number {
    return this.chain.checked;
  }

  /** A log that does not begin with its first record needs a checkpoint there, once there are any. */
  begin(checkpoint: Checkpoint | undefined): Fault | null {
    const { isStartKept, lastSeq } = this.bounds;
    const { seq, hash } = this.bounds.start;
    if (isStartKept || seq > lastSeq)
      return { seq, id: null, reason: 'start', detail: 'The head of the log leaves out records that have not expired' };
    if (this.keys.size === 0 || seq === 0 || this.isStartOfSeals()) return null;
    const isFounded = checkpoint?.seq === seq && checkpoint.hash === hash.toString('hex');
    if (isFounded) return this.admit(checkpoint);
    const detail = 'Records before it were removed, and no checkpoint vouches for the last of them';
    return { seq: seq + 1, id: null, reason: 'start', detail };
  }

  /** The records before it expired before there were seals, and so before there were checkpoints. */
  private isStartOfSeals(): boolean {
    const { start, firstCheckpoint } = this.bounds;
    const hasEarlier = firstCheckpoint > 0 && firstCheckpoint <= start.seq;
    return start.hash.equals(GENESIS) && !hasEarlier;
  }

  next(records: readonly SealedRecord[], checkpoints: readonly Checkpoint[]): Fault | null {
    return firstOf(checkpoints, (each) => this.admit(each)) ?? firstOf(records, (record) => this.chain.next(record));
  }

  end(checkpoints: readonly Checkpoint[]): Fault | null {
    const { lastSeq, beyond } = this.bounds;
    const fault = firstOf(checkpoints, (each) => this.admit(each)) ?? this.chain.end(lastSeq);
    if (fault !== null || beyond === 0) return fault;
    const detail = `After the end of the log there are records that rdev has not written: ${String(beyond)}`;
    return { seq: lastSeq + 1, id: null, reason: 'end', detail };
  }

  verdict(firstBad: Fault | null): Verdict {
    const { checked, seq: lastSeq } = this;
    const firstSeq = checked === 0 ? null : this.bounds.start.seq + 1;
    return { valid: firstBad === null, checked, checkpoints: this.genuine, firstSeq, lastSeq, firstBad };
  }

  private admit(checkpoint: Checkpoint): Fault | null {
    const { seq, hash, keyId } = checkpoint;
    const key = this.keys.get(keyId);
    if (key === undefined || !isGenuine(checkpoint, this.installId, key))
      return { seq, id: null, reason: 'signature', detail: 'The signature of its checkpoint is wrong' };
    this.genuine++;
    if (seq > this.bounds.start.seq) this.chain.expect(seq, hash);
    return null;
  }
}

function firstOf<T>(items: readonly T[], check: (item: T) => Fault | null): Fault | null {
  for (const item of items) {
    const fault = check(item);
    if (fault !== null) return fault;
  }
  return null;
}
