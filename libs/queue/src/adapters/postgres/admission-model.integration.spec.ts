import { postgresCommandStore } from '../../../testing/postgres-command-store.js';
import { PRIORITIES, type Priority } from '@app/commands';
import { FakeCommandExecutor } from '@app/execution/testing';
import { Random, type CommandStore, aNewCommand, notStarted } from '@app/commands/testing';
import { Unavailable } from '@app/kernel';
import { Database } from '@app/database';
import { type OpenTestDatabase, openTestDatabase } from '@app/database/testing';
import type { DataSource } from 'typeorm';
import { QueueLimits } from '../../application/queue-limits.js';
import { PostgresAdmission } from './postgres-admission.js';

/** Setting both replays the random decisions of a run. By default a run lasts some seconds. */
const SEED = Number(process.env.MODEL_SEED ?? Date.now() % 1_000_000);
const STEPS = Number(process.env.MODEL_STEPS ?? Infinity);
const STEPS_MS = 8_000;

/** Short, so that commands age within the test. */
const AGING_SECONDS = 1;
const MAX_IN_PROJECT = 3;
const QUEUED_MAX = 30;
const REPLICAS = ['r1', 'r2', 'r3'];
const PROJECTS = ['p1', 'p2', 'p3', 'p4', 'p5'];
const KEYS = ['k1', 'k2', 'k3', 'k4'];
const LOCKS = [null, null, null, 'l1', 'l2'];
const [RULES, LIMITS] = [
  { queuedMax: QUEUED_MAX, agingSeconds: AGING_SECONDS },
  new QueueLimits({ runningPerProjectMax: MAX_IN_PROJECT, runningPerReplicaMax: 100, agingSeconds: AGING_SECONDS }),
];

/**
 * Simulates a crash: the connection is killed after the given number of statements. Committed work stays, and further
 * statements fail until the restart.
 */
class CrashingDatabase extends Database {
  private statementsLeft = Infinity;

  constructor(private readonly sessions: DataSource) {
    super(sessions);
  }

  dieAfter(statements: number): void {
    this.statementsLeft = statements;
  }

  get isDead(): boolean {
    return this.statementsLeft <= 0;
  }

  /** Opens new sessions, since some of the old ones were killed. */
  async startAgain(): Promise<void> {
    if (this.isDead) {
      await this.sessions.destroy();
      await this.sessions.initialize();
    }
    this.statementsLeft = Infinity;
  }

  override async query<Row>(sql: string, parameters?: readonly unknown[]): Promise<Row[]> {
    if (this.isDead) throw new Unavailable('It is dead.');
    const rows = await super.query<Row>(sql, parameters);
    if (--this.statementsLeft > 0) return rows;
    await super.query('SELECT pg_terminate_backend(pg_backend_pid())').catch(() => undefined);
    throw new Unavailable('It was killed.');
  }
}

interface Row {
  readonly id: string;
  readonly status: string;
  readonly project: string;
  readonly key: string;
  readonly lock: string | null;
  readonly priority: number;
  readonly created: number;
  /** Position, while queued. */
  readonly due: number | null;
  readonly turn: number | null;
  readonly owner: string | null;
}

interface State {
  readonly rows: readonly Row[];
  readonly now: number;
  readonly keyMax: ReadonlyMap<string, number | null>;
  readonly closed: ReadonlySet<string>;
}

const STATE = `
  SELECT c.id, c.status, c.project_id AS project, c.key_id AS key, c.lock, c.priority, extract(epoch FROM c.created_at)::float8 AS created,
    extract(epoch FROM q.due_at)::float8 AS due, q.turn, c.lease_owner AS owner
  FROM commands c LEFT JOIN queued_commands q ON q.command_id = c.id WHERE c.status IN ('queued', 'starting', 'running')`;

/** Invariants between any two transactions, wherever a replica crashed. */
const BROKEN = `
  SELECT 'queued without a place' AS what, id FROM commands c
    WHERE status = 'queued' AND NOT EXISTS (SELECT FROM queued_commands q WHERE q.command_id = c.id AND q.project_id = c.project_id
      AND q.key_id = c.key_id AND q.lock = coalesce(c.lock, '') AND q.priority = c.priority AND q.created_at = c.created_at)
  UNION ALL SELECT 'a place of what is not queued', command_id FROM queued_commands q
    WHERE NOT EXISTS (SELECT FROM commands c WHERE c.id = q.command_id AND c.status = 'queued')
  UNION ALL SELECT 'not found by its lane', command_id FROM queued_commands q
    WHERE NOT EXISTS (SELECT FROM queue_lanes l WHERE (l.project_id, l.key_id, l.lock) = (q.project_id, q.key_id, q.lock)
      AND (l.due_at, l.turn, l.command_id) <= (q.due_at, q.turn, q.command_id))
  UNION ALL SELECT 'too many queued', project_id FROM queued_commands GROUP BY project_id HAVING count(*) > ${QUEUED_MAX}
  UNION ALL SELECT 'too many in a project', project_id FROM commands WHERE status IN ('starting', 'running')
    GROUP BY project_id HAVING count(*) > ${MAX_IN_PROJECT}
  UNION ALL SELECT 'a lock held twice', project_id || ' ' || lock FROM commands WHERE status IN ('starting', 'running') AND lock IS NOT NULL
    GROUP BY project_id, lock HAVING count(*) > 1`;

async function admitAndCompact(admission: PostgresAdmission, owner: string, slots: number): Promise<string[]> {
  const commands = await admission.admit(owner, slots);
  await admission.compact();
  return commands.map(({ id }) => id);
}

describe('admission, against a model', () => {
  let test: OpenTestDatabase;
  let databases: CrashingDatabase[];
  let admissions: PostgresAdmission[];
  let commands: CommandStore;
  let random: Random;

  beforeEach(async () => {
    test = await openTestDatabase();
    const replicas = await Promise.all(REPLICAS.map(() => test.anotherReplica()));
    databases = replicas.map(({ dataSource }) => new CrashingDatabase(dataSource));
    admissions = databases.map((database) => new PostgresAdmission(database, LIMITS, new FakeCommandExecutor()));
    commands = postgresCommandStore(test.database);
    random = new Random(SEED);
    for (const key of KEYS) {
      await test.database.query(`INSERT INTO api_keys (id, name, prefix, hash, scopes) VALUES ($1, $1, $1, '', '{}')`, [
        key,
      ]);
    }
    for (const project of PROJECTS) {
      await test.database.query(
        `INSERT INTO projects (id, name, status, env, labels) VALUES ($1, $1, 'running', '{}', '{}')`,
        [project],
      );
    }
  });
  afterEach(() => test.close());

  async function state(): Promise<State> {
    const query = <T>(sql: string): Promise<T[]> => test.database.query<T>(sql);
    const rows = await query<Row>(STATE);
    const keys = await query<{ id: string; max: number | null }>(
      'SELECT id, max_concurrent_commands AS max FROM api_keys',
    );
    const closed = await query<{ id: string }>(
      `SELECT project_id AS id FROM queue_pauses UNION SELECT id FROM projects WHERE status <> 'running'`,
    );
    const [clock] = await query<{ now: number }>('SELECT extract(epoch FROM now())::float8 AS now');
    return {
      rows,
      now: clock!.now,
      keyMax: new Map(keys.map(({ id, max }) => [id, max])),
      closed: new Set(closed.map(({ id }) => id)),
    };
  }

  const isActive = ({ status }: Row): boolean => status !== 'queued';

  /** Follows docs/concepts/queue.md, independently of the implementation. */
  function couldRun(row: Row, { rows, keyMax, closed }: State): boolean {
    const active = rows.filter(isActive);
    const inProject = active.filter(({ project }) => project === row.project);
    return (
      !closed.has('') &&
      !closed.has(row.project) &&
      inProject.length < MAX_IN_PROJECT &&
      !(row.lock !== null && inProject.some(({ lock }) => lock === row.lock)) &&
      active.filter(({ key }) => key === row.key).length < (keyMax.get(row.key) ?? Infinity)
    );
  }

  const effective = ({ priority, created }: Row, now: number): number =>
    priority + Math.floor(now / AGING_SECONDS) - Math.floor(created / AGING_SECONDS);

  async function assertWhole(): Promise<void> {
    expect(await test.database.query(BROKEN)).toEqual([]);
  }

  async function enqueue(): Promise<void> {
    const traits = {
      projectId: random.pick(PROJECTS),
      keyId: random.pick(KEYS),
      lock: random.pick(LOCKS),
      priority: random.pick(PRIORITIES),
    };
    await commands.enqueue(aNewCommand(traits), RULES);
  }

  async function endOne(row: Row | undefined): Promise<void> {
    if (row === undefined) return;
    await commands.end(row.id, row.owner!, notStarted('failed', 'start_failed', 'x'));
  }

  const set = (sql: string, ...parameters: unknown[]): Promise<unknown> => test.database.query(sql, parameters);

  /** A random queue event. All random decisions are made before anything is awaited. */
  function happening(before: State): () => Promise<unknown> {
    const [queued, active] = [before.rows.filter((row) => !isActive(row)), before.rows.filter(isActive)];
    const [one, running] = [random.pick(queued), random.pick(active)] as [Row | undefined, Row | undefined];
    const [project, key, dice] = [random.pick(PROJECTS), random.pick(KEYS), random.below(100)];
    const priority: Priority = random.pick(PRIORITIES);
    if (dice < 45) return () => enqueue();
    if (dice < 75) return () => endOne(running);
    if (dice < 80) return async () => one && commands.endQueued(one.id, notStarted('cancelled', 'cancelled', 'x'));
    if (dice < 86) return async () => one && commands.reprioritize(one.id, priority, RULES);
    if (dice < 89)
      return () => set('INSERT INTO queue_pauses VALUES ($1) ON CONFLICT DO NOTHING', dice === 86 ? '' : project);
    if (dice < 93) return () => set('DELETE FROM queue_pauses');
    if (dice < 95) return () => set(`UPDATE projects SET status = 'stopped' WHERE id = $1`, project);
    if (dice < 97) return () => set(`UPDATE projects SET status = 'running'`);
    return () =>
      set('UPDATE api_keys SET max_concurrent_commands = $2 WHERE id = $1', key, random.pick([null, 1, 2, 4]));
  }

  /** Several replicas admit concurrently; one of them may crash. */
  async function admitTogether(): Promise<number> {
    const victim = random.below(6);
    databases[victim]?.dieAfter(1 + random.below(5));
    const rounds = admissions.map((admission, i) => admitAndCompact(admission, REPLICAS[i]!, 1 + random.below(4)));
    const outcomes = await Promise.allSettled(rounds);
    for (const [i, outcome] of outcomes.entries()) {
      if (outcome.status === 'rejected' && !databases[i]!.isDead) throw outcome.reason;
      if (outcome.status === 'rejected') expect(outcome.reason).toBeInstanceOf(Unavailable);
    }
    await Promise.all(databases.map((database) => database.startAgain()));
    return outcomes.filter(({ status }) => status === 'rejected').length;
  }

  /** Without concurrency, so the documentation predicts the outcome. */
  async function admitOne(): Promise<boolean> {
    const before = await state();
    const [id] = await admitAndCompact(admissions[0]!, REPLICAS[0]!, 1);
    const candidates = before.rows.filter((row) => !isActive(row) && couldRun(row, before));
    // An aged command of a limited key may hold what another needs, so only part of the outcome is predicted.
    const holds = before.rows.some(
      (row) => !isActive(row) && before.keyMax.get(row.key) !== null && effective(row, before.now + 0.5) >= 4,
    );
    if (id === undefined) {
      if (!holds) expect(candidates).toEqual([]);
      return false;
    }
    const admitted = candidates.find((row) => row.id === id);
    expect(admitted).toBeDefined();
    if (holds) return true;
    const best = Math.max(...candidates.map((row) => effective(row, before.now)));
    expect(effective(admitted!, before.now)).toBe(best);
    const equals = candidates.filter((row) => effective(row, before.now) === best);
    expect(admitted!.turn).toBe(Math.min(...equals.map(({ turn }) => turn!)));
    const first = equals.filter(({ turn }) => turn === admitted!.turn).map((row) => row.id).sort()[0]; // prettier-ignore
    expect(id).toBe(first);
    return true;
  }

  it(`keeps limits, locks and order under random arrivals, changes and crashes (seed ${SEED})`, async () => {
    let [steps, crashes, foretold] = [0, 0, 0];
    const since = performance.now();
    const full = (rows: State['rows'], key: string): number =>
      rows.filter((row) => isActive(row) && row.key === key).length;
    for (; STEPS === Infinity ? performance.now() - since < STEPS_MS : steps < STEPS; steps++) {
      const before = await state();
      const happenings = Array.from({ length: 1 + random.below(8) }, () => happening(before));
      await Promise.all(happenings.map((happen) => happen()));
      await assertWhole();
      const settled = await state();
      crashes += await admitTogether();
      await assertWhole();
      const after = await state();
      for (const [key, max] of settled.keyMax) {
        // A lowered limit ends no running command, but admits no new one.
        expect(full(after.rows, key)).toBeLessThanOrEqual(Math.max(max ?? Infinity, full(settled.rows, key)));
      }
      await endOne(random.pick(after.rows.filter(isActive)));
      if (await admitOne()) foretold++;
      await assertWhole();
    }
    await set('DELETE FROM queue_pauses');
    await set(`UPDATE projects SET status = 'running'`);
    // Nothing is stuck: once arrivals stop, every command ends.
    for (let left = await state(); left.rows.length > 0; left = await state()) {
      const admitted = await admitAndCompact(admissions[1]!, REPLICAS[1]!, 50);
      if (admitted.length === 0) expect(left.rows.filter(isActive).length).toBeGreaterThan(0);
      for (const row of (await state()).rows.filter(isActive)) await endOne(row);
    }
    expect(await set('SELECT 1 FROM queue_lanes')).toEqual([]);
    process.stderr.write(
      `queue model, seed ${SEED}: ${steps} steps, ${crashes} crashes, ${foretold} admissions foretold\n`,
    );
  });

  const PATHS = {
    admission: (database: Database) =>
      admitAndCompact(new PostgresAdmission(database, LIMITS, new FakeCommandExecutor()), 'dead', 2),
    enqueue: (database: Database) =>
      postgresCommandStore(database).enqueue(aNewCommand({ projectId: 'p1', keyId: 'k1' }), RULES),
    'change of priority': async (database: Database) => {
      const [row] = (await state()).rows;
      return postgresCommandStore(database).reprioritize(row!.id, 'urgent', RULES);
    },
    cancellation: async (database: Database) => {
      const [row] = (await state()).rows;
      return database.run(() =>
        postgresCommandStore(database).endQueued(row!.id, notStarted('cancelled', 'cancelled', 'x')),
      );
    },
  };

  it.each(Object.entries(PATHS))('survives a kill after each statement of the path: %s', async (_name, path) => {
    const seen = [];
    for (let statement = 1; ; statement++) {
      for (const lock of ['l1', null, null]) {
        await commands.enqueue(aNewCommand({ projectId: 'p1', keyId: 'k1', lock }), RULES);
      }
      const before = (await state()).rows;
      databases[0]!.dieAfter(statement);
      const outcome = await path(databases[0]!).then(() => 'done', (error: unknown) => error); // prettier-ignore
      const lived = !databases[0]!.isDead;
      await databases[0]!.startAgain();
      await assertWhole();
      if (!lived) {
        expect(outcome).toBeInstanceOf(Unavailable);
        // Admission is one statement, so it is committed entirely or not at all, whatever the client was told.
        const { rows } = await state();
        const active = rows.filter(isActive);
        if (active.length === 0) expect(rows).toEqual(before);
        else expect(active.map(({ owner }) => owner)).toEqual(['dead', 'dead']);
      }
      seen.push(lived);
      // The other replicas continue immediately: no lock outlives the crash.
      for (let left = before; left.length > 0; left = (await state()).rows) {
        await admitAndCompact(admissions[1]!, REPLICAS[1]!, 10);
        for (const row of (await state()).rows.filter(isActive)) await endOne(row);
      }
      if (lived) break;
    }
    expect(seen.length).toBeGreaterThan(1);
  });
});
