import { postgresCommandStore } from '../../../testing/postgres-command-store.js';
import { FakeCommandExecutor } from '@app/execution/testing';
import { aNewCommand, notStarted } from '@app/commands/testing';
import { openTestDatabase } from '@app/database/testing';
import { AGING_SECONDS, describeAdmission } from '@app/queue/testing';
import { QueueLimits } from '../../application/queue-limits.js';
import { PostgresAdmission } from './postgres-admission.js';

describeAdmission('PostgreSQL', async () => {
  const { database, prepared, close } = await openTestDatabase();
  const runningPerProjectMax = 4;
  const limits = new QueueLimits({ runningPerProjectMax, runningPerReplicaMax: 100, agingSeconds: AGING_SECONDS });
  const rules = { queuedMax: 1_000, agingSeconds: AGING_SECONDS };
  const executor = new FakeCommandExecutor();
  const commands = postgresCommandStore(database);
  return {
    here: new PostgresAdmission(await prepared(), limits, executor),
    there: new PostgresAdmission(await prepared(), limits, executor),
    executor,
    runningPerProjectMax,
    queue: async (traits, waitedSeconds = 0) => {
      const command = aNewCommand(traits);
      expect(await commands.enqueue(command, rules)).toMatchObject({ id: command.id, status: 'queued' });
      if (waitedSeconds > 0) {
        await database.query(
          'UPDATE queued_commands SET created_at = created_at - make_interval(secs => $2) WHERE command_id = $1',
          [command.id, waitedSeconds],
        );
        await commands.reprioritize(command.id, command.priority, rules);
      }
      return command.id;
    },
    reprioritize: async (id, priority) => {
      expect(await commands.reprioritize(id, priority, rules)).toMatchObject({ id, priority, status: 'queued' });
    },
    cancel: async (id) => {
      expect(await commands.endQueued(id, notStarted('cancelled', 'cancelled', 'x'))).toMatchObject({ id });
    },
    limitKey: async (keyId, max) => {
      await database.query(
        `INSERT INTO api_keys (id, name, prefix, hash, scopes, max_concurrent_commands) VALUES ($1, $1, $1, '', '{}', $2)
         ON CONFLICT (id) DO UPDATE SET max_concurrent_commands = $2`,
        [keyId, max],
      );
    },
    pause: async (projectId, isPaused) => {
      await database.query(
        isPaused ? 'INSERT INTO queue_pauses VALUES ($1)' : 'DELETE FROM queue_pauses WHERE project_id = $1',
        [projectId],
      );
    },
    setEnvironment: async (projectId, environment) => {
      await database.query(
        `INSERT INTO projects (id, name, status, env, labels, settings) VALUES ($1, $1, 'running', $2, '{}', '{}')`,
        [projectId, JSON.stringify(environment)],
      );
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
