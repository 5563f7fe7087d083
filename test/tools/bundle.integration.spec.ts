import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { cp, mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { HttpClient, type TestDatabase, createTestDatabase, eventually, freePort, newKey } from '../support/index.js';

interface Project {
  readonly dist: string;
  readonly nodeFlags: readonly string[];
  readonly programs: Readonly<Record<string, string>>;
  built(name: string): string;
}

let project: Project;
beforeAll(async () => {
  const path = '../../scripts/project.mjs';
  project = (await import(path)) as Project;
});

/** What a script prints that Node runs as it runs the API. */
async function printed(script: string): Promise<string> {
  const { stdout } = await promisify(execFile)(process.execPath, [...project.nodeFlags, '--eval', script]);
  return stdout;
}

describe('the bundle', () => {
  it('names sources and their lines in stack traces', async () => {
    const stack = await printed(`
      const { Database } = require(${JSON.stringify(project.built('database'))});
      const dataSource = { transaction: () => { throw new Error('x'); } };
      new Database(dataSource).run(async () => {}).catch(({ stack }) => console.log(stack));`);
    const [, line] = /\bat .*libs\/database\/src\/database\.ts:(\d+):\d+/.exec(stack) ?? [];
    const source = (await readFile('libs/database/src/database.ts', 'utf8')).split('\n');
    expect(source[Number(line) - 1]).toContain('this.dataSource.transaction(');
  });

  it('loads neither packages from elsewhere nor what a start does not need', async () => {
    const { files, builtins } = JSON.parse(
      await printed(`
        require(${JSON.stringify(join(project.dist, 'libs.cjs'))});
        console.log(JSON.stringify({ files: Object.keys(require.cache), builtins: process.moduleLoadList }));`),
    ) as { files: string[]; builtins: string[] };
    const names = ['libs.cjs', 'packages.cjs', 'rolldown-runtime.cjs'];
    expect(files.sort()).toEqual(names.map((name) => join(project.dist, name)));
    expect(builtins.filter((name) => name.includes('undici'))).toEqual([]);
  });

  it('keeps the names by which Nest and TypeORM know classes', async () => {
    const names = await printed(`
      const { Database, migrate, DatabaseModule } = require(${JSON.stringify(project.built('database'))});
      console.log([Database, migrate, DatabaseModule].map(({ name }) => name).join());`);
    expect(names).toBe('Database,migrate,DatabaseModule\n');
  });
});

describe('a directory with nothing but the bundle', () => {
  let dir: string;
  let database: TestDatabase;
  const children: ChildProcess[] = [];
  beforeAll(async () => {
    dir = await mkdtemp(join(tmpdir(), 'rdev-bundle-'));
    await cp(project.dist, join(dir, 'dist'), { recursive: true });
    database = await createTestDatabase();
  });
  afterAll(async () => {
    for (const child of children) child.kill('SIGKILL');
    await database.drop();
    await rm(dir, { recursive: true, force: true });
  });

  const start = (program: string, env: NodeJS.ProcessEnv): ChildProcess => {
    const file = join(dir, 'dist', `${program}.cjs`);
    const child = spawn(process.execPath, [...project.nodeFlags, file], { cwd: dir, env, stdio: 'ignore' });
    children.push(child);
    return child;
  };
  const ended = (child: ChildProcess) => new Promise<number | null>((resolve) => child.once('exit', resolve));

  it('migrates', async () => {
    expect(await ended(start('migrate', { DATABASE_URL: database.url }))).toBe(0);
  });

  it('serves the API with its description and Swagger UI', async () => {
    const port = await freePort();
    const env = { PORT: String(port), METRICS_PORT: '0', DATABASE_URL: database.url };
    const api = start('main', { ...env, RDEV_RUNTIME: 'local', RDEV_DATA_DIR: dir, RDEV_ADMIN_KEY: newKey() });
    const client = new HttpClient(`http://127.0.0.1:${port}`, '');
    await eventually(async () => (await client.get('/ready')).status === 200, 60_000);
    const { paths } = (await client.get('/openapi.json')).body;
    expect(paths).toEqual(JSON.parse(await readFile('apps/api/openapi.json', 'utf8')).paths);
    for (const path of ['/docs', '/docs/swagger-ui-bundle.js', '/docs/swagger-ui.css', '/docs/swagger-ui-init.js'])
      expect([path, (await client.get(path)).status]).toEqual([path, 200]);
    api.kill('SIGTERM');
    expect(await ended(api)).toBe(0);
  });

  it('has the licence of every package', async () => {
    const text = await readFile(join(dir, 'dist', 'THIRD_PARTY_LICENCES.txt'), 'utf8');
    for (const name of ['@nestjs/core', 'typeorm', '@kubernetes/client-node', 'swagger-ui-dist', 'yaml'])
      expect(text).toMatch(new RegExp(`^${name} \\d\\S+: \\S`, 'm'));
    // It reports installations; see scripts/no-scarf.
    expect(text).not.toMatch(/scarf/i);
  });
});
