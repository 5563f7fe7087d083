import { createHash } from 'node:crypto';
import { Injectable, type OnApplicationShutdown } from '@nestjs/common';
import type { ClientBase } from 'pg';
import type { DataSource } from 'typeorm';
import { connect } from './connect.js';
import { dataSourceOptions } from './data-source.js';
import { Database } from './database.js';
import { DrainedDataSource } from './drained-data-source.js';
import { tracedQuery } from './query-span.js';

/**
 * A plan is cached while tables grow, until they are analyzed, including one that scans all of a small table. So scans
 * are disabled, and no statement may require one: up to PostgreSQL 17 that adds a cost of 1e10, which hides the
 * differences between all other choices.
 * @see https://www.postgresql.org/docs/current/sql-prepare.html, "Notes"
 */
const SETTINGS = '-c enable_seqscan=off -c enable_bitmapscan=off -c plan_cache_mode=force_generic_plan';

/**
 * The best index also depends on the data, and it is unknown when tables are analyzed: plans are dropped after this
 * time.
 */
export const PLANS_KEPT_MS = 10_000;

/**
 * A few sessions for frequent statements: each session prepares a statement at its first use. They bypass any pooler,
 * since transaction poolers do not keep prepared statements.
 */
@Injectable()
export class PreparedDatabase extends Database implements OnApplicationShutdown {
  private readonly names = new Map<string, string>();
  private readonly plannedAt = new WeakMap<ClientBase, number>();

  private constructor(
    dataSource: DataSource,
    private readonly nowMs: () => number,
  ) {
    super(dataSource);
  }

  static async open(
    directUrl: string,
    sessions: number,
    nowMs: () => number = () => performance.now(),
  ): Promise<PreparedDatabase> {
    const options = dataSourceOptions(directUrl, { poolSize: sessions, settings: SETTINGS });
    return new PreparedDatabase(await connect(options, { Source: DrainedDataSource }), nowMs);
  }

  async onApplicationShutdown(): Promise<void> {
    await this.dataSource.destroy();
  }

  override async query<Row>(sql: string, parameters: readonly unknown[] = []): Promise<Row[]> {
    const { queryRunner } = this.manager;
    const runner = queryRunner ?? this.dataSource.createQueryRunner();
    let dropped = Promise.resolve();
    try {
      const client = (await runner.connect()) as ClientBase;
      const statement = { name: this.nameOf(sql), text: sql, values: [...parameters] };
      const { rows } = await tracedQuery(sql, () => client.query(statement));
      if (queryRunner === undefined) dropped = this.dropOldPlans(client);
      return rows as Row[];
    } catch (error) {
      throw this.translated(error);
    } finally {
      // The caller does not wait for this, but the session is released only afterwards.
      if (queryRunner === undefined) void dropped.finally(() => runner.release());
    }
  }

  private async dropOldPlans(client: ClientBase): Promise<void> {
    const now = this.nowMs();
    const plannedAt = this.plannedAt.get(client);
    if (plannedAt !== undefined && now - plannedAt < PLANS_KEPT_MS) return;
    this.plannedAt.set(client, now);
    // If the session is broken, its next user gets the error.
    if (plannedAt !== undefined) await client.query('DISCARD PLANS').catch(() => undefined);
  }

  private nameOf(sql: string): string {
    let name = this.names.get(sql);
    if (name === undefined) this.names.set(sql, (name = createHash('sha256').update(sql).digest('hex').slice(0, 32)));
    return name;
  }
}
