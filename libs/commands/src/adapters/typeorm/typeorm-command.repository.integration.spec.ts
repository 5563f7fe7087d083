import { openTestDatabase } from '@app/database/testing';
import { describeCommandRepository } from '@app/commands/testing';
import { TypeormCommandRepository } from './typeorm-command.repository.js';

describeCommandRepository('PostgreSQL', async () => {
  const { database, close } = await openTestDatabase();
  return {
    commands: new TypeormCommandRepository(database),
    admit: async (id, owner, leaseSeconds) => {
      await database.query('DELETE FROM queued_commands WHERE command_id = $1', [id]);
      await database.query(
        `UPDATE commands SET status = 'starting', admitted_at = clock_timestamp(), lease_owner = $2,
           lease_expires_at = now() + make_interval(secs => $3) WHERE id = $1`,
        [id, owner, leaseSeconds],
      );
    },
    close,
  };
});
