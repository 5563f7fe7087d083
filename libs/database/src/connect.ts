import { setTimeout as sleep } from 'node:timers/promises';
import { DataSource, type DataSourceOptions } from 'typeorm';
import { isOutage } from './errors.js';

/** Together with {@link PAUSE_MS}, the same time as TypeORM's module retries its own pool. */
const ATTEMPTS_MAX = 20;
const PAUSE_MS = 500;

/**
 * Opens a pool. Retries while the database is starting or overloaded, but not if it refuses the connection for good.
 */
export async function connect(
  options: DataSourceOptions,
  { attemptsMax = ATTEMPTS_MAX, Source = DataSource } = {},
): Promise<DataSource> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await new Source(options).initialize();
    } catch (error) {
      if (attempt >= attemptsMax || !isOutage(error)) throw error;
    }
    await sleep(PAUSE_MS);
  }
}
