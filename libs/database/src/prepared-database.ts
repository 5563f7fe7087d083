import { createHash } from 'node:crypto';
import { Injectable, type OnApplicationShutdown } from '@nestjs/common';
import type { ClientBase } from 'pg';
import { DataSource } from 'typeorm';
import { dataSourceOptions } from './data-source.js';
import { Database } from './database.js';
import { toDomainError } from './errors.js';

/**
 * A plan is made once, and kept while tables grow, until they are analyzed: one that reads all of a small table would be kept, too.
 * @see https://www.postgresql.org/docs/current/sql-prepare.html, "Notes"
 */
const SETTINGS = '-c enable_seqscan=off -c plan_cache_mode=force_generic_plan';

/**
 * Some sessions for few statements that are run often: each session prepares a statement when it runs it for the first time. They go past
 * any pooler, as those that lend a session for one transaction do not keep what was prepared.
 */
@Injectable()
export class PreparedDatabase extends Database implements OnApplicationShutdown {
  private readonly names = new Map<string, string>();

  static async open(directUrl: string, sessions: number): Promise<PreparedDatabase> {
    const options = dataSourceOptions(directUrl, { poolSize: sessions, settings: SETTINGS });
    return new PreparedDatabase(await new DataSource(options).initialize());
  }

  async onApplicationShutdown(): Promise<void> {
    await this.dataSource.destroy();
  }

  override async query<Row>(sql: string, parameters: readonly unknown[] = []): Promise<Row[]> {
    const { queryRunner } = this.manager;
    const runner = queryRunner ?? this.dataSource.createQueryRunner();
    try {
      const client = (await runner.connect()) as ClientBase;
      const { rows } = await client.query({ name: this.nameOf(sql), text: sql, values: [...parameters] });
      return rows as Row[];
    } catch (error) {
      throw toDomainError(error);
    } finally {
      if (queryRunner === undefined) await runner.release();
    }
  }

  private nameOf(sql: string): string {
    let name = this.names.get(sql);
    if (name === undefined) this.names.set(sql, (name = createHash('sha256').update(sql).digest('hex').slice(0, 32)));
    return name;
  }
}
