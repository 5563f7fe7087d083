import { DomainError, InvalidInput, Unavailable } from '@app/kernel';

/**
 * SQLSTATE classes 08 (connection), 53 (resources), 57P (shutdown), 58 (system); timeouts caused by a stuck
 * transaction: 57014 (statement timeout), 25P03 (idle in transaction), 55P03 (lock), 40P01 (deadlock); Node's codes,
 * including those of TLS; messages without a code from pg, and from TypeORM if a connection breaks between two
 * statements of a transaction.
 */
const OUTAGE_CODE =
  /^(08|53|57P|58|57014|25P03|55P03|40P01|25006|ECONN|EPIPE|ENOTFOUND|EAI_AGAIN|ETIMEDOUT|EHOSTUNREACH|ENETUNREACH|EMFILE|ENFILE|ENOMEM|ENOBUFS|EADDRNOTAVAIL|UNABLE_TO_|SELF_SIGNED_|DEPTH_ZERO_|CERT_|ERR_TLS_|ERR_SSL_)/;
const OUTAGE_TEXT =
  /Connection terminated|does not support SSL|timeout exceeded when trying to connect|Client has encountered a connection error|Query read timeout|server closed the connection|Cannot use a pool after calling end|connection is insecure|not queryable|query runner (was )?already released/i;

/** Messages for clients: enough to know whom to ask, without internal details. */
const OUTAGE_MESSAGES: readonly (readonly [RegExp, string])[] = [
  [/^53100/, 'The disk of the database is full.'],
  [/^53300/, 'The database has no connection left.'],
  [/^53200/, 'The database is out of memory.'],
  [/^53/, 'The database is out of resources.'],
  [/^58/, 'The database cannot use its files.'],
  [/^57P/, 'The database is starting or stopping.'],
  [/^25006/, 'The database is read-only.'],
  [/^(57014|25P03|55P03|40P01)/, 'The database took too long.'],
  [/^ERR_TLS_CERT_ALTNAME/, 'The certificate of the database is for another host name.'],
  [/^CERT_HAS_EXPIRED/, 'The certificate of the database has expired.'],
  [/^(UNABLE_TO_|SELF_SIGNED_|DEPTH_ZERO_|CERT_)/, 'The certificate of the database is not trusted.'],
  [/^ERR_(TLS|SSL)_/, 'The TLS connection to the database failed.'],
  [/does not support SSL/, 'The database does not support TLS.'],
  [/^(EMFILE|ENFILE)/, 'The server has no file descriptors left.'],
  [/^(ENOMEM|ENOBUFS|EADDRNOTAVAIL)/, 'The server is out of resources.'],
];

/** Whether the database is unavailable, as opposed to a wrong statement. */
export function isOutage(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  if (error instanceof AggregateError && error.errors.some(isOutage)) return true;
  const { code, driverError } = error as { code?: unknown; driverError?: unknown };
  if (typeof code === 'string' && OUTAGE_CODE.test(code)) return true;
  if (driverError !== undefined && driverError !== error && isOutage(driverError)) return true;
  return code === undefined && OUTAGE_TEXT.test(error.message);
}

/**
 * PostgreSQL stores neither NUL nor, in JSON, a lone surrogate: SQLSTATE 22021, 22P05, and 22P02 for JSON. Its messages
 * are localised.
 */
function isTextRefused(error: unknown): boolean {
  const { code, message } = ((error as { driverError?: unknown }).driverError ?? error) as Error & { code?: unknown };
  return code === '22021' || code === '22P05' || (code === '22P02' && /\bjson\b/.test(message));
}

/** Translates known errors; returns others unchanged. */
export function toDomainError(error: unknown): unknown {
  if (error instanceof DomainError) return error;
  if (isTextRefused(error)) {
    return new InvalidInput([{ pointer: '#', detail: 'must not contain a NUL character or half of a surrogate pair' }]);
  }
  return isOutage(error) ? new Unavailable(outageMessage(error), {}, { cause: error }) : error;
}

/** The error's code, or the first code among its inner errors; empty if there is none. */
export function codeOf(error: unknown): string {
  const { code, driverError, errors } = error as { code?: unknown; driverError?: unknown; errors?: readonly unknown[] };
  if (typeof code === 'string') return code;
  const inner = [driverError, ...(errors ?? [])].filter((cause) => cause instanceof Error && cause !== error);
  return inner.map(codeOf).find((found) => found !== '') ?? '';
}

/** Describes an outage without internal details. */
export function outageMessage(error: unknown): string {
  const what = codeOf(error) || (error as Error).message;
  return OUTAGE_MESSAGES.find(([pattern]) => pattern.test(what))?.[1] ?? 'The database does not answer.';
}

/** Whether a statement timed out waiting for a lock, or was cancelled by a deadlock: a retry may succeed. */
export function isBlocked(error: unknown): boolean {
  const { code } = ((error as { driverError?: unknown }).driverError ?? error) as { code?: unknown };
  return code === '55P03' || code === '40P01';
}

/** Whether a rule of the database forbids what was asked for, such as dropping a month of the event log. */
export function isRefused(error: unknown): boolean {
  const { code } = ((error as { driverError?: unknown }).driverError ?? error) as { code?: unknown };
  return code === '23001';
}

/** The name of the unique constraint that the statement violated, or null. */
export function violatedUnique(error: unknown): string | null {
  const { code, constraint } = ((error as { driverError?: unknown }).driverError ?? error) as {
    code?: string;
    constraint?: string;
  };
  return code === '23505' ? (constraint ?? '') : null;
}
