import { LEASE_SECONDS } from '@app/commands';
import { Database } from '@app/database';
import { Injectable } from '@nestjs/common';
import { Admission } from '../../application/admission.js';
import { QueueLimits } from '../../application/queue-limits.js';

const ADMISSION_LOCK = 7_236_873;

@Injectable()
export class TypeormAdmission extends Admission {
  constructor(
    private readonly database: Database,
    private readonly limits: QueueLimits,
  ) {
    super();
  }

  admit(owner: string, slots: number): Promise<readonly string[]> {
    return this.database.run(async () => {
      // In a statement of its own: the next one then counts what an earlier holder of the lock admitted.
      await this.database.query('SELECT pg_advisory_xact_lock($1)', [ADMISSION_LOCK]);
      const rows = await this.database.query<{ id: string }>(
        `UPDATE commands SET status = 'starting', admitted_at = clock_timestamp(), lease_owner = $1,
           lease_expires_at = clock_timestamp() + make_interval(secs => $2)
         WHERE status = 'queued' AND id IN (
           WITH active AS (
             SELECT project_id, count(*) AS running, array_remove(array_agg(lock), NULL) AS locks
             FROM commands WHERE status IN ('starting', 'running') GROUP BY project_id
           ), free AS (
             SELECT id, project_id, priority, coalesce(running, 0) AS running,
               row_number() OVER (PARTITION BY project_id, coalesce(lock, id) ORDER BY priority DESC, id) AS turn
             FROM commands LEFT JOIN active USING (project_id)
             WHERE status = 'queued' AND (queue_expires_at IS NULL OR queue_expires_at > now())
               AND (lock IS NULL OR locks IS NULL OR lock <> ALL (locks))
           ), placed AS (
             SELECT id, priority, running, row_number() OVER (PARTITION BY project_id ORDER BY priority DESC, id) AS place
             FROM free WHERE turn = 1
           )
           SELECT id FROM placed WHERE place + running <= $3 ORDER BY priority DESC, id LIMIT $4
         ) RETURNING id`,
        [owner, LEASE_SECONDS, this.limits.runningPerProjectMax, slots],
      );
      return rows.map(({ id }) => id);
    });
  }

  async overdue(max: number): Promise<readonly string[]> {
    const rows = await this.database.query<{ id: string }>(
      `SELECT id FROM commands WHERE status = 'queued' AND queue_expires_at <= now() ORDER BY id LIMIT $1`,
      [max],
    );
    return rows.map(({ id }) => id);
  }
}
