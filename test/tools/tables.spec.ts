import { readFileSync, readdirSync } from 'node:fs';

/** Which lib owns which table: only it names the table in its statements, but for those below. */
const OWNERS: Readonly<Record<string, string>> = {
  admission_round: 'queue',
  api_keys: 'apikeys',
  applied_migrations: 'database',
  audit_checkpoints: 'audit',
  audit_keys: 'audit',
  callbacks: 'webhooks',
  command_output: 'output',
  commands: 'commands',
  deliveries: 'webhooks',
  delivery_attempts: 'webhooks',
  event_cursors: 'events',
  event_log_head: 'events',
  events: 'events',
  idempotency_keys: 'idempotency',
  install: 'database',
  pending_events: 'events',
  project_activity: 'projects',
  projects: 'projects',
  queue_lanes: 'queue',
  queue_pauses: 'queue',
  queued_commands: 'queue',
  rate_limit_hits: 'rate-limit',
  stream_tickets: 'apikeys',
  webhooks: 'webhooks',
};

/** Statements that name a table of another lib, each with its reason. */
const GUESTS: readonly (readonly [file: string, table: string, reason: string])[] = [
  ['audit/src/adapters/postgres/postgres-audit-trail.ts', 'event_log_head', 'the audit is a reader of the event log'],
  ['audit/src/adapters/postgres/postgres-audit-trail.ts', 'events', 'the audit is a reader of the event log'],
  ['audit/src/adapters/postgres/postgres-checkpoint.repository.ts', 'event_log_head', 'the end of the log is signed'],
  ['audit/src/adapters/postgres/postgres-checkpoint.repository.ts', 'events', 'the end of each month is signed'],
  ['audit/src/adapters/postgres/postgres-log-archive.ts', 'event_log_head', 'the audit is a reader of the log'],
  ['audit/src/adapters/postgres/postgres-log-archive.ts', 'events', 'the audit is a reader of the log'],
  ['output/src/adapters/postgres/postgres-output-ledger.ts', 'commands', 'an append holds only while the lease does'],
  ['queue/src/adapters/postgres/admission.sql.ts', 'api_keys', 'admission keeps the limit of each key'],
  ['queue/src/adapters/postgres/admission.sql.ts', 'commands', 'admission counts what runs, and leases what it admits'],
  ['queue/src/adapters/postgres/admission.sql.ts', 'projects', 'admission leaves out projects that do not run'],
  [
    'queue/src/adapters/postgres/postgres-command-queue.ts',
    'commands',
    'a command and its place are made in one statement',
  ],
  ['queue/src/adapters/postgres/postgres-place.repository.ts', 'api_keys', 'who waits for its key has no estimate'],
  [
    'queue/src/adapters/postgres/postgres-place.repository.ts',
    'commands',
    'estimates go by what runs and what has run',
  ],
  ['queue/src/adapters/postgres/postgres-place.repository.ts', 'projects', 'who waits for its project has no estimate'],
  ['queue/src/adapters/postgres/postgres-queue.repository.ts', 'commands', 'a queue says how many of its project run'],
  [
    'webhooks/src/adapters/postgres/postgres-key-states.ts',
    'api_keys',
    'a subscription may read what its key may read now',
  ],
];

const STATEMENT = /\b(?:FROM|JOIN|INTO|UPDATE|TABLE)\s+(\w+)/g;

function sources(): string[] {
  const files = readdirSync('libs', { recursive: true, encoding: 'utf8' });
  return files.filter((file) => /^[^/]+\/src\/.*\.ts$/.test(file) && !/\.spec\.ts$|\/migrations\//.test(file));
}

/** The tables of others that each file names, as `file: table`. */
function visits(): string[] {
  const found = sources().flatMap((file) => {
    const text = readFileSync(`libs/${file}`, 'utf8').replaceAll(/\/\*\*[^]*?\*\/|^\s*\/\/.*$/gm, '');
    const tables = [...text.matchAll(STATEMENT)].map(([, table]) => table!);
    const lib = file.split('/')[0];
    return tables.filter((table) => (OWNERS[table] ?? lib) !== lib).map((table) => `${file}: ${table}`);
  });
  return [...new Set(found)].sort();
}

describe('tables', () => {
  it('are named by the lib that owns them, and by the statements that say why', () => {
    expect(visits()).toEqual(GUESTS.map(([file, table]) => `${file}: ${table}`).sort());
  });

  it('have an owner each', () => {
    const named = sources().flatMap((file) =>
      [...readFileSync(`libs/${file}`, 'utf8').matchAll(/@Entity\('(\w+)'\)/g)].map(([, table]) => [
        table!,
        file.split('/')[0],
      ]),
    );
    expect(named.length).toBeGreaterThan(10);
    for (const [table, lib] of named) expect([table, OWNERS[table!]]).toEqual([table, lib]);
  });
});
