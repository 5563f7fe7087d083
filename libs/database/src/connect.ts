import { setTimeout as sleep } from 'node:timers/promises';
import { DataSource, type DataSourceOptions } from 'typeorm';
import { isOutage } from './errors.js';

/** With {@link PAUSE_MS}: as long as TypeORM's module tries for the pool that it opens itself. */
const ATTEMPTS_MAX = 20;
const PAUSE_MS = 500;

/**
 * Opens a pool. A database that is starting, or busy with all who start beside us, is asked again; one that refuses us
 * is not.
 */
export async function connect(options: DataSourceOptions, attemptsMax = ATTEMPTS_MAX): Promise<DataSource> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await new DataSource(options).initialize();
    } catch (error) {
      if (attempt >= attemptsMax || !isOutage(error)) throw error;
    }
    await sleep(PAUSE_MS);
  }
}
