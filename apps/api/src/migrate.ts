import { InvalidConfiguration, loadConfig } from '@app/config';
import { migrate } from '@app/database';
import { startFailure } from './start-failure.js';

/**
 * Migrates the schema and exits. Run as a job before an upgrade, so that a failed migration stops the upgrade and not
 * the API, which migrates at every start.
 */
async function main(): Promise<void> {
  const { directUrl } = loadConfig(process.env).database;
  if (directUrl === null) throw new InvalidConfiguration(['DATABASE_URL or POSTGRES_HOST must be set']);
  await migrate(directUrl);
}

main().catch((error: unknown) => {
  console.error(startFailure(error));
  process.exit(1);
});
