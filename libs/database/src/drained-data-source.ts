import { setTimeout as sleep } from 'node:timers/promises';
import type pg from 'pg';
import { DataSource } from 'typeorm';

const DRAIN_MS = 3_000;
const POLL_MS = 5;

/** The pool of a data source for PostgreSQL. */
export function poolOf({ driver }: DataSource): pg.Pool {
  return (driver as unknown as { readonly master: pg.Pool }).master;
}

/** Lets statements end before it closes their connections, up to a limit, where TypeORM would cut them. */
export class DrainedDataSource extends DataSource {
  override async destroy(): Promise<void> {
    const pool = poolOf(this);
    const deadline = performance.now() + DRAIN_MS;
    const isUsed = (): boolean => pool.totalCount > pool.idleCount || pool.waitingCount > 0;
    while (isUsed() && performance.now() < deadline) await sleep(POLL_MS);
    await super.destroy();
  }
}
