/**
 * A throw-away server of binaries that are installed, such as Debian's: of another version than the embedded one, and
 * with its own defaults.
 */
import { randomBytes } from 'node:crypto';
import { chmod, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import { built } from '../../scripts/project.mjs';

const SUPERUSER = 'postgres';
const ROLE = 'rdev';
const ATTEMPTS_MAX = 4;

/**
 * @param {string} bin the directory of `initdb`, `pg_ctl` and `postgres`
 * @param {Readonly<Record<string, string>>} flags settings that differ from the defaults
 */
export async function startBinaries(bin, flags) {
  const { ServerUser } = await import(built('server-user'));
  const dir = await mkdtemp(join(tmpdir(), 'rdev-postgres-'));
  const [data, secret] = [join(dir, 'data'), join(dir, 'password')];
  const password = randomBytes(24).toString('base64url');
  const user = await ServerUser.choose(dir, data, { postgres: join(bin, 'postgres') });
  const run = (name, ...args) => runProgram(user, join(bin, name), args);
  const remove = () => rm(dir, { recursive: true, force: true });
  try {
    await chmod(dir, 0o711); // root lets another user run the server
    await mkdir(data, { mode: 0o700 });
    await writeFile(secret, password, { mode: 0o600 });
    for (const path of [data, secret]) await user.own(path);
    const how = ['--auth=scram-sha-256', `--pwfile=${secret}`, '--locale=C.UTF-8', '--no-sync'];
    await run('initdb', '-D', data, '-U', SUPERUSER, ...how);
    const port = await startServer((...args) => run('pg_ctl', ...args), data, flags);
    await createRole(port, password);
    const stop = () => run('pg_ctl', 'stop', '-w', '-m', 'immediate', '-D', data).finally(remove);
    return { url: `postgres://${ROLE}:${password}@127.0.0.1:${port}/${ROLE}`, stop };
  } catch (error) {
    await run('pg_ctl', 'stop', '-m', 'immediate', '-D', data).catch(() => undefined);
    await remove();
    throw error;
  }
}

/** A port that was free may have been taken since: worth another try. */
async function startServer(control, data, flags) {
  for (let attempt = 1; ; attempt++) {
    const port = await freePort();
    const settings = { listen_addresses: '127.0.0.1', unix_socket_directories: '', max_connections: '200', ...flags };
    const options = Object.entries({ ...settings, port: String(port) }).map(([name, value]) => `-c ${name}='${value}'`);
    try {
      await control('start', '-w', '-D', data, '-l', join(data, 'log'), '-o', options.join(' '));
      return port;
    } catch (error) {
      if (attempt === ATTEMPTS_MAX) throw error;
    }
  }
}

/** With the rights that rdev has on the embedded server: not those of a superuser. */
async function createRole(port, password) {
  const client = new pg.Client({ host: '127.0.0.1', port, user: SUPERUSER, password, database: 'postgres' });
  await client.connect();
  try {
    await client.query(`CREATE ROLE ${ROLE} LOGIN CREATEDB CREATEROLE PASSWORD '${password}'`);
    await client.query(`CREATE DATABASE ${ROLE} OWNER ${ROLE}`);
  } finally {
    await client.end();
  }
}

function runProgram(user, program, args) {
  return new Promise((resolve, reject) => {
    // The server goes on, and would keep a pipe open.
    const child = user.spawn(program, args, { stdio: ['ignore', 'ignore', 'inherit'] });
    child.once('error', reject);
    child.once('exit', (code) => {
      if (code === 0) resolve();
      else reject(new Error(`${program} ended with ${code}.`));
    });
  });
}

function freePort() {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const { port } = server.address();
      server.close(() => resolve(port));
    });
  });
}
