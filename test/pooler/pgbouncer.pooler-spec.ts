import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmod, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import {
  type ApiProcess,
  type TestDatabase,
  createProject,
  createTestDatabase,
  ended,
  eventually,
  freePort,
  newKey,
  startApi,
  startCommand,
  textOf,
} from '../support/index.js';

const [REPLICAS, COMMANDS] = [2, 20];

describe('behind pgbouncer, which lends a session for one transaction', () => {
  let directory: string;
  let database: TestDatabase;
  let pooler: ChildProcess;
  let replicas: ApiProcess[] = [];

  beforeAll(async () => {
    directory = await mkdtemp(join(tmpdir(), 'rdev-pgbouncer-'));
    await mkdir(join(directory, 'data'));
    database = await createTestDatabase();
    const port = await freePort();
    pooler = await startPooler(port);
    const pooled = new URL(database.url);
    pooled.port = String(port);
    const options = {
      databaseUrl: pooled.href,
      dataDir: join(directory, 'data'),
      adminKey: newKey(),
      env: { DATABASE_DIRECT_URL: database.url },
    };
    replicas = await Promise.all(Array.from({ length: REPLICAS }, () => startApi(options)));
  });
  afterAll(async () => {
    await Promise.all(replicas.map((replica) => replica.stop()));
    pooler.kill('SIGKILL');
    await database.drop();
    await rm(directory, { recursive: true, force: true });
  });

  /** As it is installed, but for its port and where it passes connections on to. */
  async function startPooler(port: number): Promise<ChildProcess> {
    const { hostname, port: databasePort, pathname, username, password } = new URL(database.url);
    const name = pathname.slice(1);
    const file = join(directory, 'pgbouncer.ini');
    await writeFile(
      file,
      `[databases]
${name} = host=${hostname} port=${databasePort} dbname=${name} user=${username} password=${password}
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = ${port}
unix_socket_dir =
auth_type = any
pool_mode = transaction
default_pool_size = 5
`,
    );
    await chmod(directory, 0o755);
    const asNobody = process.getuid?.() === 0 ? ['-u', 'nobody'] : [];
    const started = spawn('pgbouncer', ['-q', ...asNobody, file], { stdio: 'ignore' });
    await once(started, 'spawn');
    await eventually(async () => {
      const socket = connect(port, '127.0.0.1');
      const [isOpen] = await Promise.race([
        once(socket, 'connect').then(() => [true]),
        once(socket, 'error').then(() => [false]),
      ]);
      socket.destroy();
      return isOpen;
    });
    return started;
  }

  it('replicas start together, and run each command once', async () => {
    const [one, two] = [replicas[0]!.client, replicas[1]!.client];
    const project = await createProject(one);
    const made = await Promise.all(
      Array.from({ length: COMMANDS }, (_, i) => startCommand([one, two][i % 2]!, project, `echo ${i} >> starts`)),
    );
    for (const { id } of made) expect(await ended(one, id)).toMatchObject({ status: 'succeeded' });
    const starts = (await textOf(two, project, 'cat starts')).trim().split('\n').map(Number);
    expect(starts.sort((a, b) => a - b)).toEqual(made.map((_, i) => i));
  });

  it('they say that nothing ends what hangs, unless the role has limits, and whether it has jit on', async () => {
    const db = new pg.Client(database.url);
    await db.connect();
    const { rows } = await db.query('SELECT pg_jit_available() AS jit').finally(() => db.end());
    for (const { logs } of replicas) {
      expect(logs).toContain('no idle_in_transaction_session_timeout and no statement_timeout');
      expect(logs.includes('has jit on')).toBe(rows[0].jit);
    }
  });
});
