import { InvalidConfiguration, loadConfig } from '@app/config';
import { migrate } from '@app/database';
import { inWords } from './in-words.js';

/**
 * Brings the schema up to date and ends: for a job before an upgrade, so that a migration that fails stops the upgrade
 * and not the API. Every start of the API does the same.
 */
async function main(): Promise<void> {
  const { directUrl } = loadConfig(process.env).database;
  if (directUrl === null) throw new InvalidConfiguration(['DATABASE_URL or POSTGRES_HOST must say which database']);
  await migrate(directUrl);
}

main().catch((error: unknown) => {
  console.error(inWords(error));
  process.exit(1);
});
