import { aNewCommand } from '@app/commands/testing';
import { openTestDatabase } from '@app/database/testing';
import { describeAdmission } from '@app/queue/testing';
import { QueueLimits } from '../../application/queue-limits.js';
import { TypeormAdmission } from './typeorm-admission.js';

describeAdmission('PostgreSQL', async () => {
  const { database, anotherReplica, close } = await openTestDatabase();
  const other = (await anotherReplica()).database;
  const runningPerProjectMax = 4;
  const limits = new QueueLimits(runningPerProjectMax, 100);
  return {
    here: new TypeormAdmission(database, limits),
    there: new TypeormAdmission(other, limits),
    runningPerProjectMax,
    queue: async (traits) => {
      const { id, projectId, keyId, spec, labels, priority, lock, queueTimeoutSeconds } = aNewCommand(traits);
      await database.query(
        `INSERT INTO commands (id, project_id, key_id, type, spec, labels, status, priority, lock, queue_expires_at)
         VALUES ($1, $2, $3, 'shell', $4, $5, 'queued', $6, $7, now() + make_interval(secs => $8))`,
        [
          id,
          projectId,
          keyId,
          spec,
          labels,
          ['low', 'normal', 'high', 'urgent'].indexOf(priority),
          lock,
          queueTimeoutSeconds,
        ],
      );
      return id;
    },
    end: async (id, owner) => {
      const rows = await database.query(
        `UPDATE commands SET status = 'succeeded', lease_owner = NULL WHERE id = $1 AND lease_owner = $2 RETURNING id`,
        [id, owner],
      );
      expect(rows).toHaveLength(1);
    },
    status: async (id) =>
      (await database.query<{ status: string }>('SELECT status FROM commands WHERE id = $1', [id]))[0]!.status,
    close,
  };
});
