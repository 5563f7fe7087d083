import { type ChildProcess, type SpawnOptions, spawn } from 'node:child_process';
import { chown, readFile, readdir, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { EmbeddedPostgresUnavailable } from './errors.js';
import type { Programs } from './programs.js';

/** Built from scratch: nothing of the API's own environment reaches the server. */
const ENVIRONMENT = { PATH: '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin', LC_ALL: 'C' };
const PROBE_TIMEOUT_MS = 10_000;

interface Identity {
  readonly uid: number;
  readonly gid: number;
}

/**
 * As whom, and by what detour, PostgreSQL's programs run. It refuses to run as root; root therefore runs it as the user
 * `postgres` or `nobody`, who may not be able to reach the directory (a checkout below /root, or made by `mktemp -d`).
 */
export class ServerUser {
  private constructor(
    /** Whose files they are; null if everything is ours anyway. */
    private readonly owner: Identity | null,
    private readonly prefix: readonly string[],
    private readonly identity: Partial<Identity>,
  ) {}

  /**
   * @param dir a directory that the server will work below
   * @param existing the data directory, if there is one: who owned it goes on to
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
    // access(2), by which PostgreSQL looks for its programs, counts capabilities only with this bit.
    const as = ['setpriv', `--reuid=${uid}`, `--regid=${gid}`, '--clear-groups', '--securebits=+no_setuid_fixup'];
    const keeping = (capability: string) => [...as, `--inh-caps=+${capability}`, `--ambient-caps=+${capability}`, '--'];
    return [
      new ServerUser(target, [], target),
      new ServerUser(target, keeping('dac_read_search'), {}),
      new ServerUser(target, keeping('dac_override'), {}), // all that a container's root usually has
      // Only in its own eyes another user: to the file system it is root, who owns the files then.
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

  /** Gives it a file or, with all it holds, a directory. */
  async own(path: string): Promise<void> {
    if (this.owner === null) return;
    const { uid, gid } = this.owner;
    const found = await stat(path);
    if (found.uid === uid) return;
    // The top comes last: if this is interrupted, it is done again.
    if (found.isDirectory()) {
      for (const entry of await readdir(path, { recursive: true })) await chown(join(path, entry), uid, gid);
    }
    await chown(path, uid, gid);
  }
}

/** Null if there is no such directory, or it is root's. */
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
