import { isTracing, traced } from '@app/tracing';

export const POSTGRES = { 'db.system.name': 'postgresql' };

/** The last change of a statement with WITH, which is what it is for. */
const CHANGE = /\b(INSERT INTO|DELETE FROM|(?<!FOR |KEY |DO )UPDATE)\s+([a-z_]+)(?![^]*\b(INSERT INTO|DELETE FROM)\s)/i;
/** A name with a parenthesis is a function. */
const READ = /\b(SELECT)\b(?:[^]*?\bFROM\s+([a-z_]+)\b(?!\s*\())?/i;

/**
 * Does the work as the span of a statement, which is named by its operation and its table. Neither text nor parameters
 * are recorded.
 * @see https://opentelemetry.io/docs/specs/semconv/db/database-spans/
 */
export function tracedQuery<T>(sql: string, work: () => Promise<T>): Promise<T> {
  if (!isTracing()) return work();
  const { operation, summary } = describeStatement(sql);
  return traced(summary, { ...POSTGRES, 'db.operation.name': operation, 'db.query.summary': summary }, work);
}

interface Description {
  readonly operation: string;
  readonly summary: string;
}

/** Most statements are constant. */
const KNOWN_MAX = 500;
const known = new Map<string, Description>();

/** @internal */
export function describeStatement(sql: string): Description {
  const found = known.get(sql);
  if (found !== undefined) return found;
  const described = describe(sql);
  if (known.size < KNOWN_MAX) known.set(sql, described);
  return described;
}

function describe(sql: string): Description {
  const [, verb = 'SQL', table] = CHANGE.exec(sql) ?? READ.exec(sql) ?? [];
  const operation = (verb.split(' ')[0] ?? verb).toUpperCase();
  return { operation, summary: table === undefined ? operation : `${operation} ${table}` };
}
