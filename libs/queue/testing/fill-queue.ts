import type { Database } from '@app/database';
import { idFloor } from '@app/kernel';

export interface Filling {
  readonly projects: number;
  readonly perProject: number;
  /** Running commands in each project. */
  readonly running?: number;
}

/** Queues commands as if they had been queued one by one, and lets PostgreSQL take stock. */
export async function fillQueue(database: Database, { projects, perProject, running = 0 }: Filling): Promise<void> {
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
  await database.query(
    `INSERT INTO queued_commands (command_id, project_id, key_id, lock, priority, due_at, turn, created_at)
     SELECT id, project_id, key_id, '', priority, created_at - priority * interval '300 s', 0, created_at FROM commands WHERE status = 'queued'`,
  );
  await database.query(
    `INSERT INTO queue_lanes SELECT DISTINCT ON (1, 2, 3) project_id, key_id, lock, due_at, turn, command_id FROM queued_commands
     ORDER BY 1, 2, 3, due_at, turn, command_id`,
  );
  for (const table of ['commands', 'queued_commands', 'queue_lanes']) await database.query(`VACUUM (ANALYZE) ${table}`);
}
