import { Notifier, Poller } from '@app/kernel';
import { Injectable, Logger, type OnApplicationBootstrap, type OnApplicationShutdown } from '@nestjs/common';
import { DataSource } from 'typeorm';
import { isOutage, LOCKS, PartitionStore } from '@app/database';
import { EVENTS_CHANNEL } from './postgres-event-log.js';

const BATCH = 500;
/** The start of the oldest partition that certainly exists. Events older than that, after a crash, are dated then. */
const OLDEST = `date_trunc('month', now() AT TIME ZONE 'UTC') AT TIME ZONE 'UTC' - interval '1 day'`;
const POLL_MS = 1_000;

/**
 * Assigns committed events their position in the log. One replica at a time does so, under a lock, so that an event
 * that becomes visible later never gets a smaller `seq` than one that was visible before.
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

  /** Moves one batch; returns whether more may be pending. */
  async relay(): Promise<boolean> {
    try {
      return await this.move();
    } catch (error) {
      if (await this.partitions.createFor(error)) return true;
      throw error;
    }
  }

  private async move(): Promise<boolean> {
    const moved = await this.dataSource.transaction(async (manager) => {
      // A separate statement, so that the next one sees what the previous holder of the lock committed.
      const [lock] = await manager.query<{ got: boolean }[]>('SELECT pg_try_advisory_xact_lock($1) AS got', [
        LOCKS.eventRelay,
      ]);
      if (lock?.got !== true) return 0;
      const rows: unknown[] = await manager.query(
        `WITH moved AS (
           DELETE FROM pending_events WHERE id IN (SELECT id FROM pending_events ORDER BY id LIMIT ${String(BATCH)}) RETURNING *
         ), head AS (
           UPDATE event_log_head SET last_seq = last_seq + (SELECT count(*) FROM moved) RETURNING last_seq
         )
         INSERT INTO events (seq, id, type, at, project_id, target, outcome, actor, data)
         SELECT last_seq + 1 - row_number() OVER (ORDER BY moved.id DESC),
           event_id, type, greatest(at, ${OLDEST}), project_id, target, outcome, actor, data
         FROM moved, head RETURNING seq`,
      );
      return rows.length;
    });
    if (moved > 0) this.notifier.notify(EVENTS_CHANNEL, 'sealed');
    return moved === BATCH;
  }
}
