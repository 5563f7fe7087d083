import pg from 'pg';
import type { DataSourceOptions } from 'typeorm';
import { migrations } from './migrations/index.js';

const SERVER_LIMITS = { statement_timeout: 30_000, idle_in_transaction_session_timeout: 60_000 };
/** Longer than the server's own timeout: for a server that vanished silently. */
const CLIENT_LIMITS = { query_timeout: 35_000 };

/** JIT compilation takes hundreds of milliseconds, longer than any of our statements. */
const NO_JIT = '-c jit=off';

export interface PoolOptions {
  readonly poolSize?: number;
  /** Additional session settings, as command-line options of a server. */
  readonly settings?: string;
  /** Replaces the time limits: statements may take any time, but wait for a lock no longer than this. */
  readonly lockTimeoutMs?: number;
  /**
   * The URL points to a pooler. Poolers such as pgbouncer refuse sessions with startup settings: limits and `jit` must
   * be set for the role.
   */
  readonly isPooled?: boolean;
}

/** Options for PostgreSQL, with timeouts. */
export function dataSourceOptions(
  url: string,
  { poolSize = 20, settings = '', lockTimeoutMs, isPooled = false }: PoolOptions = {},
): DataSourceOptions {
  const given = optionsOf(url);
  const limits = lockTimeoutMs === undefined ? SERVER_LIMITS : { lock_timeout: lockTimeoutMs };
  return {
    type: 'postgres',
    driver: pg, // otherwise TypeORM would look for it outside the bundle
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
    // The pool replaces a broken idle connection at the next use.
    poolErrorHandler: () => undefined,
  };
}

/** The driver would replace our options by those of the URL. Appended to ours, they take precedence. */
function optionsOf(url: string): { readonly options: string; readonly rest: string } {
  const parsed = new URL(url);
  const options = parsed.searchParams.get('options');
  if (options === null) return { options: '', rest: url };
  parsed.searchParams.delete('options');
  return { options, rest: parsed.href };
}

/**
 * While the pool hands over a new connection, nothing else listens for its errors, and an error that arrives together
 * with the ready message would crash the process. With a listener, the first statement fails instead.
 */
function listenForErrors(client: pg.ClientBase): void {
  client.on('error', () => undefined);
}
