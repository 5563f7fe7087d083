import { randomBytes } from 'node:crypto';
import { chmod, chown, mkdir, readFile, readdir, rename, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { EmbeddedPostgresUnavailable, hasCode } from './errors.js';
import { isAlive } from './processes.js';
import type { Programs } from './programs.js';
import type { ServerUser } from './server-user.js';

export const SUPERUSER = 'postgres';

const UNFINISHED = 'cluster.unfinished-';
const ABANDONED_MS = 3_600_000;

/** A PostgreSQL database cluster: its files, and the superuser's password. */
export interface Cluster {
  readonly data: string;
  readonly password: string;
}

export interface Initialization {
  readonly programs: Programs;
  readonly user: ServerUser;
  /** Whether it must survive a crash of the machine. */
  readonly durable: boolean;
  readonly logger: (line: string) => void;
}

export function dataDirectory(dir: string): string {
  return join(dir, 'cluster', 'data');
}

/** Opens the cluster in the directory; creates it if missing. Concurrent calls end up with the same cluster. */
export async function openCluster(dir: string, how: Initialization): Promise<Cluster> {
  const data = dataDirectory(dir);
  await removeUnfinished(dir);
  if (!(await exists(data))) await createCluster(dir, how);
  const password = await readFile(join(dir, 'cluster', 'password'), 'utf8');
  return { data, password };
}

/** Created in a temporary directory and then renamed, so that an interrupted attempt leaves no broken cluster. */
async function createCluster(dir: string, how: Initialization): Promise<void> {
  how.logger(`Creating a database in ${dir} …`);
  const temporary = join(dir, `${UNFINISHED}${process.pid}-${randomBytes(4).toString('hex')}`);
  const data = join(temporary, 'data');
  const password = join(temporary, 'password');
  try {
    await mkdir(temporary);
    await chmod(temporary, 0o711); // whatever the umask: the server must be able to traverse it
    await mkdir(data, { mode: 0o700 });
    await writeFile(password, randomBytes(24).toString('base64url'), { mode: 0o600 });
    await how.user.own(data);
    await how.user.own(password);
    await initialize(data, password, how);
    if (process.getuid?.() === 0) await chown(password, 0, 0); // the server never needs it again
    await rename(temporary, join(dir, 'cluster'));
  } catch (error) {
    await rm(temporary, { recursive: true, force: true });
    if (!hasCode(error, 'ENOTEMPTY', 'EEXIST')) throw error; // otherwise another process was faster
  }
}

async function initialize(data: string, password: string, { programs, user, durable }: Initialization): Promise<void> {
  const args = ['-D', data, '-U', SUPERUSER, `--pwfile=${password}`, '--auth=scram-sha-256', '--encoding=UTF8'];
  const locale = ['--locale=C', '--locale-provider=builtin', '--builtin-locale=C.UTF-8'];
  const child = user.spawn(programs.initdb, [...args, ...locale, ...(durable ? [] : ['--no-sync'])], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const output: Buffer[] = [];
  child.stdout?.on('data', (chunk: Buffer) => output.push(chunk));
  child.stderr?.on('data', (chunk: Buffer) => output.push(chunk));
  const problem = await new Promise<string | null>((resolve) => {
    child.once('error', (error) => {
      resolve(error.message);
    });
    child.once('close', (code) => {
      resolve(code === 0 ? null : Buffer.concat(output).toString().trim());
    });
  });
  if (problem === null) return;
  throw new EmbeddedPostgresUnavailable(
    `The embedded PostgreSQL could not create a database in ${data}: ${problem}\nSet DATABASE_URL to use your own PostgreSQL.`,
  );
}

/** Removes what processes that were killed while creating a cluster have left. */
async function removeUnfinished(dir: string): Promise<void> {
  for (const name of await readdir(dir)) {
    if (!name.startsWith(UNFINISHED)) continue;
    const path = join(dir, name);
    const { mtimeMs } = await stat(path).catch(() => ({ mtimeMs: Date.now() }));
    const inProgress =
      isAlive(Number.parseInt(name.slice(UNFINISHED.length), 10)) && Date.now() - mtimeMs < ABANDONED_MS;
    // Its initdb may still be writing; the next start removes the rest.
    if (!inProgress) await rm(path, { recursive: true, force: true, maxRetries: 3 }).catch(() => undefined);
  }
}

async function exists(path: string): Promise<boolean> {
  try {
    await stat(path);
    return true;
  } catch (error) {
    if (hasCode(error, 'ENOENT')) return false;
    throw error;
  }
}
