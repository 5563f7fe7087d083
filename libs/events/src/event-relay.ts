import { GENESIS, type LogRecord, Notifier, Poller, sealAll } from '@app/kernel';
import { Injectable, Logger, type OnApplicationBootstrap, type OnApplicationShutdown } from '@nestjs/common';
import { DataSource, type EntityManager } from 'typeorm';
import { isOutage, LOCKS, PartitionStore } from '@app/database';
import { EVENTS_CHANNEL } from './postgres-event-log.js';

const BATCH = 500;
/** The start of the oldest partition that certainly exists. Events older than that, after a crash, are dated then. */
const OLDEST = `date_trunc('month', now() AT TIME ZONE 'UTC') AT TIME ZONE 'UTC' - interval '1 day'`;
const POLL_MS = 1_000;
/** How long a replica that has stopped keeps the others from sealing. Between its statements it only computes. */
const PAUSE_MAX_MS = 5_000;
/** Under the names of {@link LogRecord}. */
const RECORD_COLUMNS =
  'seq::float8 AS seq, id, type, at, project_id AS "projectId", target, outcome, actor, data, details';

/** Both are whole numbers below 2^53. */
const HEAD_COLUMNS = 'head.last_seq::float8 AS "lastSeq", head.sealed_seq::float8 AS "sealedSeq", head.hash AS hash';

type PendingEvent = Omit<LogRecord, 'seq'>;

interface HeadRow {
  /** The last position that was assigned. */
  readonly lastSeq: number;
  readonly sealedSeq: number;
  /** The seal of `sealedSeq`; null: that before the first event. */
  readonly hash: Buffer | null;
}

interface Head extends HeadRow {
  readonly hash: Buffer;
}

/**
 * Assigns committed events their position in the log, and seals them. One replica at a time does so, under a lock, so
 * that an event that becomes visible later never gets a smaller `seq` than one that was visible before, and the chain of
 * seals does not fork.
 */
@Injectable()
export class EventRelay implements OnApplicationBootstrap, OnApplicationShutdown {
  private readonly logger = new Logger(EventRelay.name);
  private readonly poller = new Poller(
    () => this.relay(),
    POLL_MS,
    (error) => {
      if (!isOutage(error)) this.logger.error({ err: error }, 'Events could not be relayed');
    },
  );
  private unsubscribe: (() => void) | undefined;
  private isSealed = true;

  constructor(
    private readonly dataSource: DataSource,
    private readonly notifier: Notifier,
    private readonly partitions: PartitionStore,
  ) {}

  onApplicationBootstrap(): void {
    this.unsubscribe = this.notifier.subscribe(EVENTS_CHANNEL, (what) => {
      if (what === 'pending') this.poller.wake();
    });
    this.poller.start();
  }

  async onApplicationShutdown(): Promise<void> {
    this.unsubscribe?.();
    await this.poller.stop();
  }

  /** Moves one batch, and seals it; returns whether more may be pending. */
  async relay(): Promise<boolean> {
    try {
      return (await this.move()) || (await this.sealFormer());
    } catch (error) {
      if (await this.partitions.createFor(error)) return true;
      throw error;
    }
  }

  private async move(): Promise<boolean> {
    const moved = await this.exclusively(async (manager) => {
      const rows: readonly ((PendingEvent | { readonly id: null }) & HeadRow)[] = await manager.query(
        `WITH moved AS (
           DELETE FROM pending_events WHERE id IN (SELECT id FROM pending_events ORDER BY id LIMIT ${String(BATCH)}) RETURNING *
         )
         SELECT event_id AS id, type, greatest(at, ${OLDEST}) AS at, project_id AS "projectId", target, outcome, actor,
           data, details, ${HEAD_COLUMNS} FROM event_log_head AS head LEFT JOIN moved ON true ORDER BY moved.id`,
      );
      const head = headOf(rows);
      this.isSealed = head.sealedSeq === head.lastSeq;
      const pending = rows.filter((row) => row.id !== null);
      if (pending.length === 0) return 0;
      const records = pending.map((event, i) => recordOf(event, head.lastSeq + 1 + i));
      // Events that the previous release has moved are sealed before those that follow them.
      const sealed = this.isSealed ? sealAll(head.hash, records) : records;
      await manager.query(
        `WITH head AS (
           UPDATE event_log_head SET last_seq = last_seq + $2,
             sealed_seq = CASE WHEN $3::bytea IS NULL THEN sealed_seq ELSE last_seq + $2 END, hash = coalesce($3, hash)
         )
         INSERT INTO events (seq, id, type, at, project_id, target, outcome, actor, data, details, hash)
         SELECT seq, id, type, at, "projectId", target, outcome, actor, data, details, decode(hash, 'hex')
         FROM json_to_recordset($1) AS e(seq bigint, id text, type text, at timestamptz, "projectId" text, target text,
           outcome text, actor json, data json, details json, hash text)`,
        [JSON.stringify(sealed.map(toRow)), sealed.length, hashOf(sealed.at(-1))],
      );
      return pending.length;
    });
    if (moved > 0) this.notifier.notify(EVENTS_CHANNEL, 'sealed');
    return moved === BATCH;
  }

  /** Seals a batch of what a release without seals has moved; returns whether there may be more. */
  private async sealFormer(): Promise<boolean> {
    if (this.isSealed) return false;
    const count = await this.exclusively(async (manager) => {
      const { lastSeq, sealedSeq, hash } = headOf(
        await manager.query(`SELECT ${HEAD_COLUMNS} FROM event_log_head AS head`),
      );
      const records: readonly LogRecord[] = await manager.query(
        `SELECT ${RECORD_COLUMNS} FROM events WHERE seq > $1 ORDER BY seq LIMIT ${String(BATCH)}`,
        [sealedSeq],
      );
      const sealed = sealAll(hash, records);
      await manager.query(
        `UPDATE events SET hash = decode(e.hash, 'hex') FROM json_to_recordset($1) AS e(seq bigint, at timestamptz, hash text)
         WHERE events.seq = e.seq AND events.at = e.at`,
        [JSON.stringify(sealed.map(({ seq, at, hash: seal }) => ({ seq, at, hash: seal.toString('hex') })))],
      );
      const [first] = records;
      // Retention has dropped what was before the first event.
      const startSeq = first !== undefined && sealedSeq === 0 ? first.seq - 1 : null;
      await manager.query(
        `UPDATE event_log_head SET sealed_seq = $1, hash = coalesce($2, hash), start_seq = coalesce($3, start_seq)`,
        [sealed.at(-1)?.seq ?? lastSeq, hashOf(sealed.at(-1)), startSeq],
      );
      return records.length;
    });
    return count === BATCH;
  }

  /** Returns 0 if another replica is at it. */
  private exclusively(work: (manager: EntityManager) => Promise<number>): Promise<number> {
    return this.dataSource.transaction(async (manager) => {
      // A separate statement, so that the next one sees what the previous holder of the lock committed.
      const [lock] = await manager.query<{ got: boolean }[]>(
        `SELECT pg_try_advisory_xact_lock($1) AS got, set_config('idle_in_transaction_session_timeout', $2, true)`,
        [LOCKS.eventRelay, String(PAUSE_MAX_MS)],
      );
      return lock?.got === true ? work(manager) : 0;
    });
  }
}

function headOf(rows: readonly HeadRow[]): Head {
  const { lastSeq, sealedSeq, hash } = rows[0] ?? { lastSeq: 0, sealedSeq: 0, hash: null };
  return { lastSeq, sealedSeq, hash: hash ?? GENESIS };
}

function recordOf(
  { id, type, at, projectId, target, outcome, actor, data, details }: PendingEvent,
  seq: number,
): LogRecord {
  return { seq, id, type, at, projectId, target, outcome, actor, data, details };
}

function toRow(record: LogRecord): object {
  return { ...record, hash: hashOf(record)?.toString('hex') };
}

function hashOf(record: object | undefined): Buffer | null {
  return record !== undefined && 'hash' in record ? (record.hash as Buffer) : null;
}
