import { readFileSync } from 'node:fs';
import pg from 'pg';
import { type TestDatabase, createTestDatabase } from '../support/index.js';
import { pages } from '../support/markdown-blocks.js';

/** `-c "…"` and `-c '…'` of psql. */
const STATEMENT = /-c (?:"([^"]+)"|'([^']+)')/g;

describe('the SQL that the documentation shows', () => {
  let database: TestDatabase;
  let client: pg.Client;
  beforeAll(async () => {
    database = await createTestDatabase();
    client = new pg.Client({ connectionString: database.url });
    await client.connect();
  });
  afterAll(async () => {
    await client.end();
    await database.drop();
  });

  it('runs on the schema', async () => {
    const found: string[] = [];
    for (const page of (await pages()).filter((each) => each.startsWith('docs/operations/'))) {
      const commands = readFileSync(page, 'utf8').match(/^psql .*$/gm) ?? [];
      const statements = commands.flatMap((command) => [...command.matchAll(STATEMENT)]);
      for (const [, double, single] of statements) {
        const sql = double ?? single!;
        found.push(sql);
        await client.query('BEGIN');
        await client.query(sql).catch((error: unknown) => {
          throw new Error(`${page}: ${sql}`, { cause: error });
        });
        await client.query('ROLLBACK');
      }
    }
    expect(found.length).toBeGreaterThan(5);
  });
});
