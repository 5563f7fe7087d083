import { Clock, EventLog, Install, type NewEvent, Poller, Transactor, Unavailable } from '@app/kernel';
import { Injectable, Logger, type OnApplicationBootstrap, type OnApplicationShutdown } from '@nestjs/common';
import type { AuditKey } from '../domain/audit-key.js';
import { type Checkpoint, endorsementText, signCheckpoint } from '../domain/checkpoint.js';
import { AuditKeys } from './audit-keys.js';
import { CheckpointRepository, type Sealed } from './checkpoint.repository.js';

const POLL_MS = 30_000;
/** The age of a checkpoint that is followed by another one, if there are new records. */
const EVERY_MS = 300_000;
/** The number of records after which there is one earlier. */
const EVERY_RECORDS = 10_000;
/** A month is complete some time after its end: transactions of then have committed. */
const COMPLETE_AFTER_MS = 3_600_000;

/** Signs the log: every five minutes, every 10,000 records, at the end of each month, and soon with a new key. */
@Injectable()
export class Checkpointer implements OnApplicationBootstrap, OnApplicationShutdown {
  private readonly logger = new Logger(Checkpointer.name);
  private readonly poller = new Poller(
    () => this.round(),
    POLL_MS,
    (error) => {
      if (!(error instanceof Unavailable)) this.logger.error({ err: error }, 'The audit log could not be signed');
    },
  );

  constructor(
    private readonly checkpoints: CheckpointRepository,
    private readonly keys: AuditKeys,
    private readonly events: EventLog,
    private readonly transactor: Transactor,
    private readonly install: Install,
    private readonly clock: Clock,
  ) {}

  onApplicationBootstrap(): void {
    if (this.keys.current === null)
      this.logger.warn('The audit log is not signed: set RDEV_AUDIT_KEY to an Ed25519 private key');
    else this.poller.start();
  }

  async onApplicationShutdown(): Promise<void> {
    await this.poller.stop();
  }

  /** Makes the checkpoints that are due. */
  async round(): Promise<boolean> {
    const key = this.keys.current;
    if (key === null) return false;
    const made = await this.transactor.run(async () => {
      if (!(await this.checkpoints.lock())) return [];
      await this.introduce(key);
      const due = await this.due(key);
      const signed = due.map(({ seq, hash }) => signCheckpoint(key, this.install.id, seq, hash, this.clock.now()));
      for (const checkpoint of signed) await this.checkpoints.insert(checkpoint);
      if (signed.length > 0) await this.events.add(...signed.map((each) => checkpointMade(this.install.id, each)));
      return signed;
    });
    // A copy outside the database.
    for (const { at, ...rest } of made)
      this.logger.log({ checkpoint: { ...rest, at: at.toISOString() } }, 'Signed the audit log');
    return false;
  }

  private async due(key: AuditKey): Promise<readonly Sealed[]> {
    const last = await this.checkpoints.last();
    const found = [
      ...(await this.checkpoints.ends(new Date(this.clock.now().getTime() - COMPLETE_AFTER_MS))),
      await this.dueHead(key, last),
      // Months that were dropped before the log was signed have no checkpoint.
      last === null ? await this.checkpoints.start() : null,
    ];
    const due = found.filter((each) => each !== null);
    return [...new Map(due.map((each) => [each.seq, each])).values()];
  }

  private async dueHead(key: AuditKey, last: Checkpoint | null): Promise<Sealed | null> {
    const head = await this.checkpoints.head();
    if (head === null || last === null) return head;
    const ageMs = this.clock.now().getTime() - last.at.getTime();
    const news = head.seq - last.seq;
    // The record about the last checkpoint is no reason for another one.
    const isDue = ageMs >= EVERY_MS || news >= EVERY_RECORDS || last.keyId !== key.id;
    return news > 1 && isDue ? head : null;
  }

  /** Publishes a key that has not signed before, with the signature of the one that it replaces. */
  private async introduce(key: AuditKey): Promise<void> {
    const known = await this.checkpoints.keys();
    if (known.some(({ id }) => id === key.id)) return;
    const { former } = this.keys;
    const endorsement = former?.sign(endorsementText(this.install.id, key)).toString('base64') ?? null;
    const endorsedBy = former?.id ?? null;
    const createdAt = this.clock.now();
    await this.checkpoints.insertKey({ id: key.id, publicKey: key.publicPem, createdAt, endorsedBy, endorsement });
    await this.events.add(keyIntroduced(key.id, endorsedBy));
    if (known.length > 0 && endorsedBy === null)
      this.logger.warn({ keyId: key.id }, 'The key of the audit log was replaced without RDEV_AUDIT_FORMER_KEY');
  }
}

function checkpointMade(installId: string, { seq, hash, at, keyId, signature }: Checkpoint): NewEvent {
  const data = { seq, hash, at: at.toISOString(), keyId, signature, installId };
  return { type: 'audit.checkpoint', target: String(seq), outcome: 'succeeded', data };
}

function keyIntroduced(keyId: string, endorsedBy: string | null): NewEvent {
  return { type: 'audit.key_introduced', target: keyId, outcome: 'succeeded', data: { endorsedBy } };
}
