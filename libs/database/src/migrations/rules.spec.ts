import type { MigrationInterface, QueryRunner } from 'typeorm';
import { migrations } from './index.js';

/** Earlier migrations predate these rules and have been applied. */
const LAST_WITHOUT_RULES = 1790000050000;
const BIG = '(commands|command_output|events)';

/** Changes that break the previous release. */
const CONTRACTS = [
  /\bDROP (TABLE|COLUMN|INDEX|VIEW|TYPE|FUNCTION|TRIGGER|DEFAULT)\b/i,
  /\bRENAME\b/i,
  /\bALTER COLUMN \S+ (SET DATA )?TYPE\b/i,
  /\bSET NOT NULL\b/i,
  /\bADD COLUMN (?![^,;]*\bDEFAULT\b)[^,;]*\bNOT NULL\b/i,
  /\bADD CONSTRAINT\b|\bADD (CHECK|UNIQUE|FOREIGN|EXCLUDE)\b/i,
  /\bCREATE UNIQUE INDEX\b/i,
  /\bTRUNCATE\b(?! ON\b)/i,
];

/** Changes that block writes to a possibly large table while it is read or rewritten. */
const LOCKS_FOR_LONG = [
  new RegExp(`\\bCREATE (UNIQUE )?INDEX (?!CONCURRENTLY\\b)[^;]*?\\bON (?!ONLY\\b)${BIG}\\b`, 'i'),
  new RegExp(`\\bALTER TABLE (ONLY )?${BIG}\\b[^;]*\\bADD CONSTRAINT\\b(?![^;]*\\bNOT VALID\\b)`, 'i'),
  new RegExp(`\\bALTER TABLE (ONLY )?${BIG}\\b[^;]*\\bSET NOT NULL\\b`, 'i'),
  new RegExp(
    `\\bALTER TABLE (ONLY )?${BIG}\\b[^;]*\\b(TYPE|STORED|(DEFAULT \\w*(clock_timestamp|random)\\w*))\\b`,
    'i',
  ),
  /\bLOCK TABLE\b|\bVACUUM FULL\b|\bCLUSTER\b/i,
];

type Migration = MigrationInterface & {
  /**
   * For a contracting migration: the first release that does not need what it removes, and why no older one is left.
   */
  readonly contracts?: string;
};

async function statementsOf(migration: Migration): Promise<string[]> {
  const statements: string[] = [];
  const query = (sql: string): Promise<unknown[]> => {
    // Function bodies run later.
    statements.push(sql.replace(/\$(\w*)\$.*?\$\1\$/gs, '').replace(/\s+/g, ' '));
    return Promise.resolve([]);
  };
  await migration.up({ query } as unknown as QueryRunner);
  return statements;
}

const broken = (rules: readonly RegExp[], statement: string): boolean => rules.some((rule) => rule.test(statement));

describe('migrations', () => {
  const ruled = migrations.filter(({ name }) => Number(name.slice(-13)) > LAST_WITHOUT_RULES);

  it.each(ruled.map((migration) => [migration.name, migration] as const))(
    '%s follows the rules',
    async (_name, made) => {
      const migration: Migration = new made();
      const statements = await statementsOf(migration);
      expect(statements.filter((statement) => broken(LOCKS_FOR_LONG, statement))).toEqual([]);
      if (migration.contracts === undefined) expect(statements.filter((each) => broken(CONTRACTS, each))).toEqual([]);
      else expect(migration.contracts).toMatch(/^\d+\.\d+\.\d+: ./);
    },
  );

  it('are ordered by timestamp', () => {
    const times = migrations.map(({ name }) => name.slice(-13));
    expect(times).toEqual([...times].sort());
  });

  it.each([
    'DROP TABLE queue_pauses',
    'ALTER TABLE projects DROP COLUMN name',
    'ALTER TABLE projects RENAME COLUMN name TO title',
    'ALTER TABLE projects ALTER COLUMN name TYPE varchar(3)',
    'ALTER TABLE projects ALTER COLUMN reason SET NOT NULL',
    'ALTER TABLE projects ADD COLUMN a integer DEFAULT 1, ADD COLUMN b integer NOT NULL',
    'ALTER TABLE projects ADD CONSTRAINT short CHECK (length(name) < 3)',
    'CREATE UNIQUE INDEX projects_name ON projects (name)',
    'DROP TRIGGER commands_enter_queue ON commands',
  ])('may do this only if a release can do without: %s', (statement) => {
    expect(broken(CONTRACTS, statement)).toBe(true);
  });

  it.each([
    'CREATE INDEX commands_key ON commands (key_id)',
    'CREATE INDEX IF NOT EXISTS events_target ON events USING btree (target)',
    'ALTER TABLE commands ADD CONSTRAINT c CHECK (priority < 4)',
    'ALTER TABLE command_output ALTER COLUMN data SET NOT NULL',
    'ALTER TABLE commands ADD COLUMN seen_at timestamptz DEFAULT clock_timestamp()',
    'LOCK TABLE commands',
  ])('must not do this: %s', (statement) => {
    expect(broken(LOCKS_FOR_LONG, statement)).toBe(true);
  });

  it.each([
    'CREATE TABLE a (b integer NOT NULL, CONSTRAINT a_pkey PRIMARY KEY (b))',
    'CREATE INDEX projects_name ON projects (name)',
    'CREATE INDEX commands_key ON ONLY commands (key_id)',
    'CREATE INDEX CONCURRENTLY commands_p202601_key ON commands_p202601 (key_id)',
    `ALTER TABLE commands ADD COLUMN a text, ADD COLUMN b integer NOT NULL DEFAULT 0, ADD COLUMN c timestamptz NOT NULL DEFAULT now()`,
    `UPDATE projects SET name = id WHERE name = ''`,
  ])('may do this: %s', (statement) => {
    expect([broken(CONTRACTS, statement), broken(LOCKS_FOR_LONG, statement)]).toEqual([false, false]);
  });
});
