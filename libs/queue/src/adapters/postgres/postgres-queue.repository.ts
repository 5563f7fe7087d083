import { PRIORITIES, type Priority } from '@app/commands';
import { Database, likePatterns } from '@app/database';
import { type Page, type PageRequest, decodeCursor, toPage } from '@app/kernel';
import { Injectable } from '@nestjs/common';
import { type Backlog, type ProjectQueue, QueueRepository } from '../../application/queue.repository.js';

/** The row that pauses all queues: no project has an empty id. */
const ALL = '';

interface QueueRow extends Omit<ProjectQueue, 'priorities'> {
  readonly priorities: readonly (Backlog & { readonly priority: number })[] | null;
}

@Injectable()
export class PostgresQueueRepository implements QueueRepository {
  constructor(private readonly database: Database) {}

  async pause(projectId: string | null): Promise<boolean> {
    const rows = await this.database.query(
      'INSERT INTO queue_pauses (project_id) VALUES ($1) ON CONFLICT DO NOTHING RETURNING project_id',
      [projectId ?? ALL],
    );
    return rows.length === 1;
  }

  async resume(projectId: string | null): Promise<boolean> {
    const rows = await this.database.query('DELETE FROM queue_pauses WHERE project_id = $1 RETURNING project_id', [
      projectId ?? ALL,
    ]);
    return rows.length === 1;
  }

  async isPaused(projectId: string | null): Promise<boolean> {
    const rows = await this.database.query('SELECT 1 FROM queue_pauses WHERE project_id = $1', [projectId ?? ALL]);
    return rows.length === 1;
  }

  async list(visible: readonly string[] | null, { limit, cursor }: PageRequest): Promise<Page<ProjectQueue>> {
    const [after] = cursor === undefined ? [ALL] : decodeCursor(cursor, 'string');
    const rows = await this.database.query<QueueRow>(LIST, [after, likePatterns(visible), limit + 1]);
    const queues = rows.map(({ priorities, ...row }) => ({ ...row, priorities: byPriority(priorities ?? []) }));
    return toPage(queues, limit, ({ projectId }) => [projectId]);
  }

  async depths(): Promise<Readonly<Record<Priority, number>>> {
    const rows = await this.database.query<{ priority: number; depth: number }>(
      'SELECT priority, count(*)::int AS depth FROM queued_commands GROUP BY priority',
    );
    const depths = new Map(rows.map(({ priority, depth }) => [priority, depth]));
    return forEachPriority((rank) => depths.get(rank) ?? 0);
  }
}

function byPriority(rows: NonNullable<QueueRow['priorities']>): ProjectQueue['priorities'] {
  return forEachPriority((rank) => {
    const { depth, oldestWaitSeconds } = rows.find(({ priority }) => priority === rank) ?? {
      depth: 0,
      oldestWaitSeconds: null,
    };
    return { depth, oldestWaitSeconds };
  });
}

function forEachPriority<T>(value: (rank: number) => T): Record<Priority, T> {
  return Object.fromEntries(PRIORITIES.map((name, rank) => [name, value(rank)])) as Record<Priority, T>;
}

const WAIT = 'round(extract(epoch FROM now() - min(created_at))::numeric, 3)::float8';

const LIST = `
  WITH page AS (
    SELECT project_id FROM (
      SELECT project_id FROM queue_lanes UNION SELECT project_id FROM queue_pauses
      UNION SELECT project_id FROM commands WHERE status IN ('starting', 'running')
    ) known
    WHERE project_id > $1 AND ($2::text[] IS NULL OR project_id LIKE ANY ($2)) ORDER BY project_id LIMIT $3
  )
  SELECT project_id AS "projectId", coalesce(depth, 0)::int AS depth, oldest AS "oldestWaitSeconds", priorities,
    (SELECT count(*)::int FROM commands c WHERE c.project_id = page.project_id AND status IN ('starting', 'running')) AS running,
    EXISTS (SELECT FROM queue_pauses p WHERE p.project_id = page.project_id) AS "isPaused"
  FROM page LEFT JOIN LATERAL (
    SELECT sum(depth) AS depth, max(oldest) AS oldest,
      json_agg(json_build_object('priority', priority, 'depth', depth, 'oldestWaitSeconds', oldest)) AS priorities
    FROM (
      SELECT priority, count(*) AS depth, ${WAIT} AS oldest
      FROM queued_commands q WHERE q.project_id = page.project_id GROUP BY priority
    ) each_priority
  ) backlog ON true
  ORDER BY project_id`;
