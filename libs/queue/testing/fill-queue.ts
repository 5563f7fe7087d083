import type { Database } from '@app/database';
import { idFloor } from '@app/kernel';

export interface Filling {
  readonly projects: number;
  readonly perProject: number;
  /** Running commands in each project. */
  readonly running?: number;
}

/** Queues commands, which the triggers of their table bring into the queue, and lets PostgreSQL take stock. */
export async function fillQueue(database: Database, filling: Filling): Promise<void> {
  await fillQueueUnnoticed(database, filling);
  for (const table of ['commands', 'queued_commands', 'queue_lanes']) await database.query(`VACUUM (ANALYZE) ${table}`);
}

/** So fast that PostgreSQL has not taken stock yet. */
export async function fillQueueUnnoticed(database: Database, filling: Filling): Promise<void> {
  const { projects, perProject, running = 0 } = filling;
  // Ids of now, so that they lie in the partition of now; the counters behind the time keep them apart.
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
