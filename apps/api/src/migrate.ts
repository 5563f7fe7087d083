import { InvalidConfiguration, loadConfig } from '@app/config';
import { migrate } from '@app/database';
import { startFailure } from './start-failure.js';

/**
 * Migrates the schema and exits. Run as a job before an upgrade, so that a failed migration stops the upgrade and not
 * the API, which migrates at every start.
 */
async function main(): Promise<void> {
  const { url, directUrl, ownerUrl } = loadConfig(process.env).database;
  if (url === null || directUrl === null) throw new InvalidConfiguration(['DATABASE_URL or POSTGRES_HOST must be set']);
  await (ownerUrl === null ? migrate(directUrl) : migrate(ownerUrl, { apiUrl: url }));
}

main().catch((error: unknown) => {
  console.error(startFailure(error));
  process.exit(1);
});
