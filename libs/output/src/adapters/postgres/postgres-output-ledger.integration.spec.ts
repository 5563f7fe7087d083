import { postgresCommandStore } from '@app/queue/testing';
import { openTestDatabase } from '@app/database/testing';
import { aNewCommand } from '@app/commands/testing';
import { describeOutputLedger } from '@app/output/testing';
import { lost, START } from '@app/commands';
import { PostgresOutputLedger } from './postgres-output-ledger.js';

describeOutputLedger('PostgreSQL', async () => {
  const { database, close } = await openTestDatabase();
  const commands = postgresCommandStore(database);
  const lease = async (id: string, owner: string): Promise<void> => {
    await database.query(
      `UPDATE commands SET status = 'running', lease_owner = $2, lease_expires_at = now() + interval '1 minute' WHERE id = $1`,
      [id, owner],
    );
  };
  return {
    ledger: new PostgresOutputLedger(database),
    running: async (owner) => {
      const command = aNewCommand();
      await commands.enqueue(command, { queuedMax: 1_000, agingSeconds: 300 });
      await lease(command.id, owner);
      return command.id;
    },
    handOver: lease,
    end: async (id, owner) => {
      await commands.end(id, owner, lost('unknown', 'by the test', START));
    },
    position: async (id) => (await commands.findById(id))!.position,
    close,
  };
});
