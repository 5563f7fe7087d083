import { openTestDatabase } from '@app/database/testing';
import { describeApiKeyRepository } from '@app/apikeys/testing';
import { TypeormApiKeyRepository } from './typeorm-api-key.repository.js';

describeApiKeyRepository('PostgreSQL', async () => {
  const { database, close } = await openTestDatabase();
  return { keys: new TypeormApiKeyRepository(database), close };
});
