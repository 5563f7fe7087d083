import { setTimeout as pause } from 'node:timers/promises';
import pg from 'pg';
import type { ApiProcess } from './api-process.js';
import { runCommand } from './commands.js';

/** What follows an end (events, hints to other replicas) is over, and the system idle. */
const IDLE_MS = 60;
const PROJECT = '../../scripts/project.mjs';

/** The environment of an API whose waits can be measured. */
export async function momentsEnvironment(): Promise<Readonly<Record<string, string>>> {
  const { built } = (await import(PROJECT)) as { built: (name: string) => string };
  return { NODE_OPTIONS: `--require=${built('moments')}`, RATE_LIMIT_RPS: '0', LOG_LEVEL: 'warn' };
}

export interface QueueWaits {
  /** Milliseconds from the commit of each POST to the call of the supervisor. */
  readonly waits: number[];
  /** Milliseconds of a bare round trip to the same server after each command. */
  readonly trips: number[];
}

/** Runs commands one after the other on a system that is idle. */
export async function measureWaits(api: ApiProcess, project: string, commands: number): Promise<QueueWaits> {
  const trips: number[] = [];
  const db = new pg.Client(api.databaseUrl);
  await db.connect();
  try {
    for (let i = 0; i < commands; i++) {
      await pause(IDLE_MS);
      await runCommand(api.client, project, { type: 'exec', argv: ['true'] });
      await pause(IDLE_MS);
      const since = performance.now();
      await db.query('SELECT 1');
      trips.push(performance.now() - since);
    }
  } finally {
    await db.end();
  }
  const waits = [...api.logs.matchAll(/^waited (.+)$/gm)].slice(-commands).map(([, ms]) => Number(ms));
  expect(waits).toHaveLength(commands);
  return { waits, trips };
}
