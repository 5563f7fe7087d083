import { DataSource } from 'typeorm';
import { escapeLiteral } from 'pg';
import { Database, type PreparedDatabase } from '../src/index.js';

/**
 * Marks a disabled plan node that is used for lack of an alternative: by a cost of 1e10 up to PostgreSQL 17, explicitly
 * since 18.
 */
const DISABLED = /Disabled: true|cost=\d{10}/;

interface Node {
  readonly 'Shared Hit Blocks': number;
  readonly 'Shared Read Blocks': number;
}

/** What a statement reads by its cached plan. */
export interface KeptPlan {
  readonly statement: string;
  readonly blocks: number;
  readonly isDisabled: boolean;
  readonly plan: string;
}

/** Runs statements on a prepared database with one session, and records what their cached plans read. */
export class ObservedDatabase extends Database {
  readonly seen: KeptPlan[] = [];

  constructor(private readonly prepared: PreparedDatabase) {
    super(new DataSource({ type: 'postgres' }));
  }

  override run<T>(work: () => Promise<T>): Promise<T> {
    return this.prepared.run(work);
  }

  override async query<Row>(sql: string, parameters: readonly unknown[] = []): Promise<Row[]> {
    await this.prepared.run(() => this.observe(sql, parameters));
    return this.prepared.query<Row>(sql, parameters);
  }

  /** Executes the statement and rolls it back. */
  private async observe(sql: string, parameters: readonly unknown[]): Promise<void> {
    const all = <Row>(text: string): Promise<Row[]> => this.prepared.manager.query(text);
    const kept = `SELECT name FROM pg_prepared_statements WHERE generic_plans > 0 AND statement = ${escapeLiteral(sql)}`;
    const [known] = await all<{ name: string }>(kept);
    if (known === undefined) return;
    const values = parameters.length === 0 ? '' : `(${(parameters as Parameter[]).map(literalOf).join(', ')})`;
    await all('SAVEPOINT before');
    const [result] = await all<{ 'QUERY PLAN': [{ Plan: Node }] }>(
      `EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) EXECUTE "${known.name}" ${values}`,
    );
    await all('ROLLBACK TO before');
    const lines = await all<{ 'QUERY PLAN': string }>(`EXPLAIN EXECUTE "${known.name}" ${values}`);
    const plan = lines.map((line) => line['QUERY PLAN']).join('\n');
    const { 'Shared Hit Blocks': hit, 'Shared Read Blocks': read } = result!['QUERY PLAN'][0].Plan;
    this.seen.push({ statement: sql, blocks: hit + read, isDisabled: DISABLED.test(plan), plan });
  }
}

type Parameter = string | number | Date | null | readonly (string | null)[];

function literalOf(value: Parameter): string {
  if (value === null) return 'NULL';
  if (value instanceof Date) return escapeLiteral(value.toISOString());
  if (typeof value !== 'object') return escapeLiteral(String(value));
  return escapeLiteral(`{${value.map((element) => (element === null ? 'NULL' : JSON.stringify(element))).join()}}`);
}
