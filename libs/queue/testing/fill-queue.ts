import type { Database } from '@app/database';
import { idFloor } from '@app/kernel';

export interface Filling {
  readonly projects: number;
  readonly perProject: number;
  /** Running commands in each project. */
  readonly running?: number;
}

/** Queues commands, which triggers add to the queue tables, and lets PostgreSQL analyze the tables. */
export async function fillQueue(database: Database, filling: Filling): Promise<void> {
  await fillQueueUnanalyzed(database, filling);
  for (const table of ['commands', 'queued_commands', 'queue_lanes']) await database.query(`VACUUM (ANALYZE) ${table}`);
}

/** Without `ANALYZE`, as after a sudden burst. */
export async function fillQueueUnanalyzed(database: Database, filling: Filling): Promise<void> {
  const { projects, perProject, running = 0 } = filling;
  // Current ids, so that they fall into the current partition; a counter after the time makes them unique.
  const time = idFloor('cmd', new Date()).slice(0, -16);
  const columns = 'id, project_id, key_id, type, spec, labels, status, priority, lease_owner, lease_expires_at';
  const values = (status: string, from: number): string => `
    '${time}' || lpad((${from} + p * 1000 + n)::text, 16, '0'), 'project-' || p, 'key-' || p % 7, 'shell', '{}', '{}', '${status}',
    n % 4, ${status === 'running' ? `'x', now() + interval '1 hour'` : 'NULL, NULL'}`;
  await database.query(
    `INSERT INTO commands (${columns}) SELECT ${values('queued', 0)} FROM generate_series(1, $1) p, generate_series(1, $2) n`,
    [projects, perProject],
  );
  await database.query(
    `INSERT INTO commands (${columns}) SELECT ${values('running', 1e9)} FROM generate_series(1, $1) p, generate_series(1, $2) n`,
    [projects, running],
  );
}
