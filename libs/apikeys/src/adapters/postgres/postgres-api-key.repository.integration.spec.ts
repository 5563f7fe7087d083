import type { Database } from '@app/database';
import { openTestDatabase } from '@app/database/testing';
import type { ApiKey } from '../../domain/api-key.js';
import { aKey, describeApiKeyRepository } from '@app/apikeys/testing';
import { PostgresApiKeyRepository } from './postgres-api-key.repository.js';

describeApiKeyRepository('PostgreSQL', async () => {
  const { database, close } = await openTestDatabase();
  return { keys: new PostgresApiKeyRepository(database), close };
});

describe('the last two administrator keys', () => {
  it('cannot both be revoked on two replicas concurrently', async () => {
    const { database, anotherReplica, close } = await openTestDatabase();
    const replicas = [database, (await anotherReplica()).database];
    const two = [aKey(), aKey()];
    for (const key of two) await new PostgresApiKeyRepository(database).insert(key);
    const revoke = (replica: Database, { id }: ApiKey): Promise<boolean> =>
      replica.run(async () => {
        const keys = new PostgresApiKeyRepository(replica);
        const { permanent } = await keys.otherAdministrators(id);
        return permanent > 0 && (await keys.revoke(id)) !== null;
      });
    const revoked = await Promise.all(two.map((key, index) => revoke(replicas[index]!, key)));
    expect(revoked.filter(Boolean)).toHaveLength(1);
    await close();
  });
});
