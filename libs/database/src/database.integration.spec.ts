import { describeTransactor } from '@app/kernel/testing';
import { openTestDatabase } from '@app/database/testing';

describeTransactor('PostgreSQL', async () => {
  const { database, anotherReplica, close } = await openTestDatabase();
  const observer = (await anotherReplica()).database;
  await database.query('CREATE TABLE things (key text PRIMARY KEY)');
  return {
    transactor: database,
    put: async (key) => {
      await database.query('INSERT INTO things (key) VALUES ($1)', [key]);
    },
    committed: async () => (await observer.query<{ key: string }>('SELECT key FROM things')).map(({ key }) => key),
    close,
  };
});
