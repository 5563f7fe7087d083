import { FakeCommandExecutor } from '@app/execution/testing';
import type { Database } from '@app/database';
import { type OpenTestDatabase, openTestDatabase } from '@app/database/testing';
import { QueueLimits } from '@app/queue';
import { PostgresAdmission, type Filling, fillQueue } from '@app/queue/testing';
import { Logger, run, runMigrations } from 'graphile-worker';
import { PgBoss } from 'pg-boss';
import pg from 'pg';
import { createTestDatabase, eventually, percentile } from '../support/index.js';

const LIMITS = new QueueLimits({ runningPerProjectMax: 5, runningPerReplicaMax: 1_000, agingSeconds: 300 });
const ROUNDS = 100;
const report = (text: string): boolean => process.stderr.write(`${text}\n`);

/** With what is cleared up afterwards. */
async function admit(admission: PostgresAdmission, slots: number): Promise<string[]> {
  const commands = await admission.admit('bench', slots);
  await admission.compact();
  return commands.map(({ id }) => id);
}

async function endAll(database: Database, ids: readonly string[]): Promise<void> {
  await database.query(
    `UPDATE commands SET status = 'succeeded', ended_at = now(), lease_owner = NULL, lease_expires_at = NULL WHERE id = ANY($1)`,
    [ids],
  );
}

describe('admission with much and with little queued', () => {
  /** In turns, so that whatever else the machine does falls on all. */
  async function medians(fillings: Readonly<Record<string, Filling>>, slots: number): Promise<Record<string, number>> {
    const sites: { name: string; test: OpenTestDatabase; admission: PostgresAdmission; times: number[] }[] = [];
    for (const [name, filling] of Object.entries(fillings)) {
      const test = await openTestDatabase();
      await fillQueue(test.database, filling);
      const admission = new PostgresAdmission(await test.prepared(), LIMITS, new FakeCommandExecutor());
      sites.push({ name, test, admission, times: [] });
    }
    try {
      for (let round = 0; round < ROUNDS; round++) {
        for (const { test, admission, times } of sites) {
          const since = performance.now();
          const ids = await admit(admission, slots);
          if (round >= 10) times.push(performance.now() - since);
          await endAll(test.database, ids);
        }
      }
      return Object.fromEntries(sites.map(({ name, times }) => [name, percentile(times, 0.5)]));
    } finally {
      for (const { test } of sites) await test.close();
    }
  }

  it.each([
    ['no project is full', 1, 0],
    ['no project is full', 5, 0],
    ['each project has one slot left', 5, 4],
  ])('costs at most twice as much with 100,000 as with 1,000 queued: %s, %d slots', async (state, slots, running) => {
    const found = await medians(
      {
        'little, 10 projects': { projects: 10, perProject: 100, running },
        'little, 1,000 projects': { projects: 1_000, perProject: 1, running },
        'much, 1,000 projects': { projects: 1_000, perProject: 100, running },
      },
      slots,
    );
    const [few, little, much] = Object.values(found) as [number, number, number];
    report(
      `${state}, ${slots} slots: ${few.toFixed(2)} ms with 1,000 in 10 projects, ${little.toFixed(2)} ms with 1,000 in 1,000, ` +
        `${much.toFixed(2)} ms with 100,000 in 1,000; ratios ${(much / few).toFixed(2)} and ${(much / little).toFixed(2)}`,
    );
    expect(much / little).toBeLessThan(2);
  });
});

describe('the same load on other queues', () => {
  const [PROJECTS, PER_PROJECT, BATCH] = [100, 20, 20];
  const JOBS = PROJECTS * PER_PROJECT;

  async function ourselves(): Promise<number> {
    const test = await openTestDatabase();
    try {
      await fillQueue(test.database, { projects: PROJECTS, perProject: PER_PROJECT });
      const admission = new PostgresAdmission(await test.prepared(), LIMITS, new FakeCommandExecutor());
      const since = performance.now();
      for (let done = 0; done < JOBS;) {
        const ids = await admit(admission, BATCH);
        await endAll(test.database, ids);
        done += ids.length;
      }
      return JOBS / ((performance.now() - since) / 1000);
    } finally {
      await test.close();
    }
  }

  async function pgBoss(): Promise<number> {
    const { url, drop } = await createTestDatabase();
    const boss = new PgBoss({ connectionString: url, supervise: false, schedule: false });
    boss.on('error', () => undefined);
    try {
      await boss.start();
      await boss.createQueue('bench');
      await boss.insert(
        'bench',
        Array.from({ length: JOBS }, (_, i) => ({ data: { project: i % PROJECTS }, priority: i % 4 })),
      );
      const since = performance.now();
      for (let done = 0; done < JOBS;) {
        const jobs = await boss.fetch('bench', { batchSize: BATCH });
        await boss.complete(
          'bench',
          jobs.map(({ id }) => id),
        );
        done += jobs.length;
      }
      return JOBS / ((performance.now() - since) / 1000);
    } finally {
      await boss.stop({ graceful: false });
      await drop();
    }
  }

  async function graphileWorker(): Promise<number> {
    const { url, drop } = await createTestDatabase();
    const pool = new pg.Pool({ connectionString: url, max: BATCH });
    // A line for each job, through Jest's console, would be what is measured.
    const logger = new Logger(() => () => undefined);
    let done = 0;
    const noOp = (): void => {
      done++;
    };
    pool.on('error', () => undefined);
    try {
      await runMigrations({ pgPool: pool, logger });
      await pool.query(
        `SELECT graphile_worker.add_job('bench', json_build_object('project', i % $2::int), priority := i % 4)
         FROM generate_series(1, $1::int) i`,
        [JOBS, PROJECTS],
      );
      const since = performance.now();
      const runner = await run({
        pgPool: pool,
        logger,
        concurrency: BATCH,
        noHandleSignals: true,
        parsedCronItems: [],
        // It takes and completes by twenties, as the others do.
        preset: { worker: { localQueue: { size: BATCH }, completeJobBatchDelay: 0 } },
        taskList: { bench: noOp },
      });
      await eventually(() => done === JOBS, 120_000);
      const rate = JOBS / ((performance.now() - since) / 1000);
      await runner.stop();
      return rate;
    } finally {
      await pool.end();
      await drop();
    }
  }

  it('is measured in one run', async () => {
    const queues = { rdev: ourselves, 'pg-boss': pgBoss, 'graphile-worker': graphileWorker };
    const rates: Record<string, number> = {};
    for (const [name, measure] of Object.entries(queues)) {
      const rate = (rates[name] = await measure());
      report(
        `${name}: ${Math.round(rate)} jobs/s taken and completed, ${(rate / (rates.rdev ?? NaN)).toFixed(2)} times rdev`,
      );
    }
    for (const rate of Object.values(rates)) expect(rate).toBeGreaterThan(0);
  });
});
