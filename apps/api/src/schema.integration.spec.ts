import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { loadConfig } from '@app/config';
import { createTestDatabase } from '../../../test/support/database.js';
import { NestFactory } from '@nestjs/core';
import { Logger } from '@nestjs/common';
import { DataSource } from 'typeorm';
import { AppModule } from './app.module.js';

describe('the schema', () => {
  it('matches the entities: there is no migration left to generate', async () => {
    Logger.overrideLogger(false);
    const { url, drop } = await createTestDatabase();
    const dataDir = await mkdtemp(join(tmpdir(), 'rdev-schema-'));
    const config = loadConfig({ DATABASE_URL: url, RDEV_RUNTIME: 'local', RDEV_DATA_DIR: dataDir });
    const app = await NestFactory.create(AppModule.with(config, url), { logger: false, abortOnError: false });
    try {
      const dataSource = app.get(DataSource);
      const tables = dataSource.entityMetadatas.map(({ tableName }) => tableName).sort();
      const { upQueries } = await dataSource.driver.createSchemaBuilder().log();
      expect(upQueries.map(({ query }) => query)).toEqual([]);
      // Each table must have an entity; otherwise a difference would go unnoticed.
      const rows: { name: string }[] = await dataSource.query(
        `SELECT c.relname AS name FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
         WHERE n.nspname = 'public' AND c.relkind IN ('r', 'p') AND NOT c.relispartition AND c.relname NOT IN ('migrations', 'applied_migrations') ORDER BY 1`,
      );
      expect(tables).toEqual(rows.map(({ name }) => name));
      // The comparison itself works: it finds a column without an entity property.
      await dataSource.query('ALTER TABLE projects ADD COLUMN drifted text');
      expect((await dataSource.driver.createSchemaBuilder().log()).upQueries).not.toEqual([]);
    } finally {
      await app.close();
      await drop();
      await rm(dataDir, { recursive: true });
    }
  });
});
