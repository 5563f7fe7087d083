import type { ClientBase } from 'pg';
import type { DataSourceOptions } from 'typeorm';
import { migrations } from './migrations/index.js';

/** Options for PostgreSQL; times out rather than hang. @param settings of each session, as command-line options of a server */
export function dataSourceOptions(url: string, poolSize = 20, settings?: string): DataSourceOptions {
  return {
    type: 'postgres',
    url,
    applicationName: 'rdev',
    poolSize,
    connectTimeoutMS: 5_000,
    migrations,
    migrationsTableName: 'migrations',
    migrationsTransactionMode: 'each',
    synchronize: false,
    logging: false,
    // PostgreSQL's own timeout ends a statement; the client's is for a server that went away without a word.
    extra: {
      statement_timeout: 30_000,
      query_timeout: 35_000,
      keepAlive: true,
      idle_in_transaction_session_timeout: 60_000,
      onConnect: listenForErrors,
      ...(settings !== undefined && { options: settings }),
    },
    // An idle connection that breaks is replaced by the pool at the next use.
    poolErrorHandler: () => undefined,
  };
}

/**
 * Between the pool and whoever asked for the connection nobody listens for its errors, and an error that arrives together with the
 * word that it is ready would end the process. Whoever then uses it learns that it is broken.
 */
function listenForErrors(client: ClientBase): void {
  client.on('error', () => undefined);
}
