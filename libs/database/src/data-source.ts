import type { ClientBase } from 'pg';
import type { DataSourceOptions } from 'typeorm';
import { migrations } from './migrations/index.js';

/** What ends a statement, and a transaction whose client says nothing more. */
const SERVER_LIMITS = { statement_timeout: 30_000, idle_in_transaction_session_timeout: 60_000 };

export interface PoolOptions {
  readonly poolSize?: number;
  /** Settings of each session, as command-line options of a server. */
  readonly settings?: string;
  /** The URL is that of a pooler. Poolers such as pgbouncer refuse sessions that begin with settings: {@link SERVER_LIMITS} have to be those of the role. */
  readonly isPooled?: boolean;
}

/** Options for PostgreSQL; times out rather than hang. */
export function dataSourceOptions(
  url: string,
  { poolSize = 20, settings, isPooled = false }: PoolOptions = {},
): DataSourceOptions {
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
      ...(!isPooled && SERVER_LIMITS),
      query_timeout: 35_000,
      keepAlive: true,
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
