import { type ChildProcess, type SpawnOptions, spawn } from 'node:child_process';
import { chown, readFile, readdir, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { EmbeddedPostgresUnavailable } from './errors.js';
import type { Programs } from './programs.js';

/** The server does not inherit the API's environment. */
const ENVIRONMENT = { PATH: '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin', LC_ALL: 'C' };
const PROBE_TIMEOUT_MS = 10_000;

interface Identity {
  readonly uid: number;
  readonly gid: number;
}

/**
 * The user that PostgreSQL's programs run as, and the command to become that user. PostgreSQL refuses to run as root,
 * so root runs it as `postgres` or `nobody`, who may lack access to the directory (a checkout below /root, or `mktemp
 * -d`).
 */
export class ServerUser {
  private constructor(
    /** Owner of the files; null: the current user. */
    private readonly owner: Identity | null,
    private readonly prefix: readonly string[],
    private readonly identity: Partial<Identity>,
  ) {}

  /**
   * @param dir parent directory of the server's files
   * @param existing the data directory; if it exists, its owner is kept
   */
  static async choose(dir: string, existing: string, { postgres }: Programs): Promise<ServerUser> {
    if (process.getuid?.() !== 0) return new ServerUser(null, [], {});
    const target = (await ownerOf(existing)) ?? (await unprivilegedUser());
    for (const user of ServerUser.ways(target)) if (await user.reaches(dir, postgres)) return user;
    throw new EmbeddedPostgresUnavailable(
      `PostgreSQL does not run as root, and the user with id ${target.uid} cannot reach both ${dir} and ${dirname(postgres)}. ` +
        'Run rdev as an ordinary user, move it below a directory that everybody may enter, or set DATABASE_URL.',
    );
  }

  private static ways(target: Identity): readonly ServerUser[] {
    const { uid, gid } = target;
    // access(2), with which PostgreSQL finds its programs, considers capabilities only with this bit.
    const as = ['setpriv', `--reuid=${uid}`, `--regid=${gid}`, '--clear-groups', '--securebits=+no_setuid_fixup'];
    const keeping = (capability: string) => [...as, `--inh-caps=+${capability}`, `--ambient-caps=+${capability}`, '--'];
    return [
      new ServerUser(target, [], target),
      new ServerUser(target, keeping('dac_read_search'), {}),
      new ServerUser(target, keeping('dac_override'), {}), // the only one that a container's root usually has
      // Another user only in its own namespace: to the file system it is root, which then owns the files.
      new ServerUser({ uid: 0, gid: 0 }, ['unshare', '--user', `--map-user=${uid}`, `--map-group=${gid}`, '--'], {}),
    ];
  }

  private async reaches(dir: string, program: string): Promise<boolean> {
    const child = this.spawn('/bin/sh', ['-c', 'cd "$0" && exec "$1" --version', dir, program], {
      stdio: 'ignore',
      timeout: PROBE_TIMEOUT_MS,
    });
    return new Promise((resolve) => {
      child.once('error', () => {
        resolve(false);
      });
      child.once('exit', (code) => {
        resolve(code === 0);
      });
    });
  }

  spawn(program: string, args: readonly string[], options: SpawnOptions): ChildProcess {
    const [command = program, ...rest] = [...this.prefix, program, ...args];
    return spawn(command, rest, { env: ENVIRONMENT, ...this.identity, ...options, cwd: '/' });
  }

  /** Makes the user the owner of a file or, recursively, of a directory. */
  async own(path: string): Promise<void> {
    if (this.owner === null) return;
    const { uid, gid } = this.owner;
    const found = await stat(path);
    if (found.uid === uid) return;
    // The directory itself comes last, so that an interrupted run is repeated.
    if (found.isDirectory()) {
      for (const entry of await readdir(path, { recursive: true })) await chown(join(path, entry), uid, gid);
    }
    await chown(path, uid, gid);
  }
}

/** Null if there is no such directory, or root owns it. */
async function ownerOf(path: string): Promise<Identity | null> {
  try {
    const { uid, gid } = await stat(path);
    return uid === 0 ? null : { uid, gid };
  } catch {
    return null;
  }
}

async function unprivilegedUser(): Promise<Identity> {
  const lines = (await readFile('/etc/passwd', 'utf8').catch(() => '')).split('\n').map((line) => line.split(':'));
  for (const wanted of ['postgres', 'nobody']) {
    const [, , uid, gid] = lines.find(([name]) => name === wanted) ?? [];
    if (uid !== undefined && gid !== undefined) return { uid: Number(uid), gid: Number(gid) };
  }
  throw new EmbeddedPostgresUnavailable(
    'PostgreSQL does not run as root, and there is neither a user "postgres" nor "nobody". Run rdev as an ordinary user, or set DATABASE_URL.',
  );
}
