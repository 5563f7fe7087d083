import { describeTicketRepository } from '@app/apikeys/testing';
import { openTestDatabase } from '@app/database/testing';
import { PostgresTicketRepository } from './postgres-ticket.repository.js';

describeTicketRepository('PostgreSQL', async () => {
  const { database, close } = await openTestDatabase();
  return {
    tickets: new PostgresTicketRepository(database),
    age: async (seconds) => {
      await database.query(
        `UPDATE stream_tickets SET created_at = created_at - make_interval(secs => $1), expires_at = expires_at - make_interval(secs => $1)`,
        [seconds],
      );
    },
    close,
  };
});
