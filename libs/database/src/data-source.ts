import pg from 'pg';
import type { DataSourceOptions } from 'typeorm';
import { migrations } from './migrations/index.js';

/** What ends a statement, and a transaction whose client says nothing more. */
const SERVER_LIMITS = { statement_timeout: 30_000, idle_in_transaction_session_timeout: 60_000 };
/** PostgreSQL's own timeout ends a statement; the client's is for a server that went away without a word. */
const CLIENT_LIMITS = { query_timeout: 35_000 };

/** To compile a statement takes PostgreSQL hundreds of milliseconds, and none of ours runs for as long. */
const NO_JIT = '-c jit=off';

export interface PoolOptions {
  readonly poolSize?: number;
  /** More settings of each session, as command-line options of a server. */
  readonly settings?: string;
  /** Statements take the time that they need, but wait for a lock no longer than that. */
  readonly lockTimeoutMs?: number;
  /**
   * The URL is that of a pooler. Poolers such as pgbouncer refuse sessions that begin with settings: limits and `jit`
   * have to be those of the role.
   */
  readonly isPooled?: boolean;
}

/** Options for PostgreSQL; times out rather than hang. */
export function dataSourceOptions(
  url: string,
  { poolSize = 20, settings = '', lockTimeoutMs, isPooled = false }: PoolOptions = {},
): DataSourceOptions {
  const given = optionsOf(url);
  const limits = lockTimeoutMs === undefined ? SERVER_LIMITS : { lock_timeout: lockTimeoutMs };
  return {
    type: 'postgres',
    driver: pg, // else TypeORM would look for it by itself, outside the bundle
    url: isPooled ? url : given.rest,
    applicationName: 'rdev',
    poolSize,
    connectTimeoutMS: 5_000,
    migrations,
    migrationsTableName: 'applied_migrations',
    migrationsTransactionMode: 'each',
    synchronize: false,
    logging: false,
    extra: {
      ...(!isPooled && { ...limits, options: `${NO_JIT} ${settings} ${given.options}`.trim() }),
      ...(lockTimeoutMs === undefined && CLIENT_LIMITS),
      keepAlive: true,
      onConnect: listenForErrors,
    },
    // An idle connection that breaks is replaced by the pool at the next use.
    poolErrorHandler: () => undefined,
  };
}

/** The driver would let the options of a URL replace ours. Behind ours they win where both say something. */
function optionsOf(url: string): { readonly options: string; readonly rest: string } {
  const parsed = new URL(url);
  const options = parsed.searchParams.get('options');
  if (options === null) return { options: '', rest: url };
  parsed.searchParams.delete('options');
  return { options, rest: parsed.href };
}

/**
 * While the pool hands a new connection over, nothing listens for its errors, and an error that arrives together with
 * the message that it is ready would end the process. The first statement then fails.
 */
function listenForErrors(client: pg.ClientBase): void {
  client.on('error', () => undefined);
}
