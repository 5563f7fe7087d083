import { postgresCommandStore } from '../../../testing/postgres-command-store.js';
import { aNewCommand } from '@app/commands/testing';
import { openTestDatabase } from '@app/database/testing';
import { describeQueueRepository } from '@app/queue/testing';
import { PostgresQueueRepository } from './postgres-queue.repository.js';

describeQueueRepository('PostgreSQL', async () => {
  const { database, close } = await openTestDatabase();
  const commands = postgresCommandStore(database);
  const enqueue = async (traits: Parameters<typeof aNewCommand>[0]): Promise<string> => {
    const command = aNewCommand(traits);
    await commands.enqueue(command, { queuedMax: 100, agingSeconds: 300 });
    return command.id;
  };
  return {
    queues: new PostgresQueueRepository(database),
    queue: async (traits, waitedSeconds = 0) => {
      await database.query(
        'UPDATE queued_commands SET created_at = created_at - make_interval(secs => $2) WHERE command_id = $1',
        [await enqueue(traits), waitedSeconds],
      );
    },
    run: async (projectId) => {
      const id = await enqueue({ projectId });
      await database.query('DELETE FROM queued_commands WHERE command_id = $1', [id]);
      await database.query('DELETE FROM queue_lanes WHERE command_id = $1', [id]);
      await database.query(
        `UPDATE commands SET status = 'running', lease_owner = 'x', lease_expires_at = now() WHERE id = $1`,
        [id],
      );
    },
    close,
  };
});
