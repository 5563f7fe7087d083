import { postgresCommandStore } from '@app/queue/testing';
import { openTestDatabase } from '@app/database/testing';
import { aNewCommand, describeCommandRepository } from '@app/commands/testing';

describeCommandRepository('PostgreSQL', async () => {
  const { database, close } = await openTestDatabase();
  return {
    commands: postgresCommandStore(database),
    admit: async (id, owner, leaseSeconds) => {
      await database.query('DELETE FROM queued_commands WHERE command_id = $1', [id]);
      await database.query(
        `UPDATE commands SET status = 'starting', admitted_at = clock_timestamp(), lease_owner = $2,
           lease_expires_at = now() + make_interval(secs => $3) WHERE id = $1`,
        [id, owner, leaseSeconds],
      );
    },
    forgetOutline: async (id) => {
      await database.query('UPDATE commands SET outline = NULL WHERE id = $1', [id]);
    },
    close,
  };
});

describe('a released lease', () => {
  it('can be taken over at that very instant, which must not be rounded up', async () => {
    const { database, close } = await openTestDatabase();
    const commands = postgresCommandStore(database);
    const command = aNewCommand();
    await commands.enqueue(command, { queuedMax: 10, agingSeconds: 300 });
    await database.query(`UPDATE commands SET status = 'running', lease_owner = 'a' WHERE id = $1`, [command.id]);
    // Time stands still within a transaction; every other one begins in the second half of a millisecond.
    for (let i = 0; i < 16; i++) {
      await database.run(async () => {
        await commands.releaseLeases([command.id], 'a');
        expect(await commands.takeOver('a', 0, 10)).toEqual([command.id]);
        expect(await commands.takeOver('a', 60, 10)).toEqual([command.id]);
        expect(await commands.markReachable(command.id, 'a', false)).toBeGreaterThanOrEqual(0);
        await commands.markReachable(command.id, 'a', true);
      });
    }
    await close();
  });
});
