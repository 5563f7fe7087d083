import { DomainError, InvalidInput, Unavailable } from '@app/kernel';

/**
 * SQLSTATE classes 08 (connection), 53 (resources), 57P (shutdown), 58 (system); what waited for too long on a transaction that
 * stands still: 57014 (statement timeout), 25P03 (idle in transaction), 55P03 (lock), 40P01 (deadlock); Node's codes; texts without
 * a code, of pg, and of TypeORM for a transaction whose connection broke between two statements.
 */
const OUTAGE_CODE =
  /^(08|53|57P|58|57014|25P03|55P03|40P01|25006|ECONN|EPIPE|ENOTFOUND|EAI_AGAIN|ETIMEDOUT|EHOSTUNREACH|ENETUNREACH)/;
const OUTAGE_TEXT =
  /Connection terminated|timeout exceeded when trying to connect|Client has encountered a connection error|Query read timeout|server closed the connection|Cannot use a pool after calling end|connection is insecure|not queryable|query runner (was )?already released/i;

/** Whether the database is away, in contrast to a statement that is wrong. */
export function isOutage(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  if (error instanceof AggregateError && error.errors.some(isOutage)) return true;
  const { code, driverError } = error as { code?: unknown; driverError?: unknown };
  if (typeof code === 'string' && OUTAGE_CODE.test(code)) return true;
  if (driverError !== undefined && driverError !== error && isOutage(driverError)) return true;
  return code === undefined && OUTAGE_TEXT.test(error.message);
}

/** PostgreSQL stores neither NUL nor, in JSON, a lone surrogate: SQLSTATE 22021, 22P05, and 22P02 for JSON. */
function isTextRefused(error: unknown): boolean {
  const { code, message } = ((error as { driverError?: unknown }).driverError ?? error) as Error & { code?: unknown };
  return code === '22021' || code === '22P05' || (code === '22P02' && message.includes('type json'));
}

/** Translates what is understood; the rest stays as it is. */
export function toDomainError(error: unknown): unknown {
  if (error instanceof DomainError) return error;
  if (isTextRefused(error)) {
    return new InvalidInput([{ pointer: '#', detail: 'must not contain a NUL character or half of a surrogate pair' }]);
  }
  return isOutage(error) ? new Unavailable('The database does not answer.', {}, { cause: error }) : error;
}

/** The name of the unique constraint that the statement violated, or null. */
export function violatedUnique(error: unknown): string | null {
  const { code, constraint } = ((error as { driverError?: unknown }).driverError ?? error) as {
    code?: string;
    constraint?: string;
  };
  return code === '23505' ? (constraint ?? '') : null;
}
