import { readFile } from 'node:fs/promises';
import { cpus } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import { type ApiProcess, createProject, eventually, rowsOf, startApi } from '../support/index.js';

const COMMANDS = 1_000;
const WARM_UP = 100;
const AT_A_TIME = 8;
const IDLE_MS = 30_000;
const TICK_MS = 10; // of /proc/<pid>/stat

/** Bytes with indexes, by table; partitions count as their table. */
const SIZES = `
  SELECT coalesce(pg_partition_root(oid), oid)::regclass::text AS name, sum(pg_total_relation_size(oid))::float8 AS bytes
  FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace GROUP BY 1`;

interface State {
  readonly sizes: ReadonlyMap<string, number>;
  readonly walBytes: number;
  readonly cpuMs: number;
}

/** What commands cost, for docs/operations/sizing.md. */
describe('a command', () => {
  let api: ApiProcess;
  let project: string;

  beforeAll(async () => {
    api = await startApi({ env: { CONCURRENT_COMMANDS: String(AT_A_TIME) } });
    project = await createProject(api.client);
    process.stderr.write(`${String(cpus().length)} × ${cpus()[0]?.model ?? 'an unknown processor'}\n`);
  });
  afterAll(() => api.stop());

  async function cpuMs(): Promise<number> {
    const stat = await readFile(`/proc/${String(api.pid)}/stat`, 'utf8');
    // Fields 14 and 15, after the name, which is in parentheses. Those of ended children are separate.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return (Number(fields[11]) + Number(fields[12])) * TICK_MS;
  }

  async function rssMib(): Promise<number> {
    const [, kib] = /^VmRSS:\s+(\d+) kB$/m.exec(await readFile(`/proc/${String(api.pid)}/status`, 'utf8')) ?? [];
    return Number(kib) / 1_024;
  }

  async function state(): Promise<State> {
    // Whatever is still to be recorded of ended commands.
    await eventually(async () => (await rowsOf(api.databaseUrl, 'SELECT 1 FROM pending_events LIMIT 1')).length === 0);
    const sizes = new Map((await rowsOf(api.databaseUrl, SIZES)).map(({ name, bytes }) => [name, bytes]));
    const [{ wal }] = await rowsOf(api.databaseUrl, `SELECT pg_current_wal_lsn() - '0/0' AS wal`);
    return { sizes, walBytes: Number(wal), cpuMs: await cpuMs() };
  }

  async function run(count: number, script: string): Promise<void> {
    let left = count;
    const one = async (): Promise<void> => {
      while (left-- > 0) {
        const command = { type: 'shell', script, labels: { team: 'payments', build: String(left) } };
        const path = `/v1/projects/${project}/commands`;
        const { status } = await api.client.request('POST', path, command, { prefer: 'wait=40' });
        if (status >= 300) throw new Error(`status ${String(status)}`);
      }
    };
    await Promise.all(Array.from({ length: AT_A_TIME }, one));
  }

  it.each([
    ['without output', 'true', COMMANDS, 0],
    ['with 1 KiB of output', 'head -c 1024 /dev/urandom', COMMANDS, 1],
    ['with 64 KiB of output', 'head -c 65536 /dev/urandom', COMMANDS / 2, 64],
    ['with 1 MiB of output', 'head -c 1048576 /dev/urandom', COMMANDS / 10, 1_024],
  ])('costs: %s', async (what, script, count, kib) => {
    await run(WARM_UP / (kib > 100 ? 10 : 1), script);
    const before = await state();
    await run(count, script);
    const after = await state();
    const growth = [...after.sizes].map(
      ([name, bytes]) => [name, (bytes - (before.sizes.get(name) ?? 0)) / count] as const,
    );
    const grown = growth.filter(([, bytes]) => bytes >= 1).sort(([, a], [, b]) => b - a);
    const output = grown.find(([name]) => name === 'command_output')?.[1] ?? 0;
    process.stderr.write(
      [
        `${what}: ${((after.cpuMs - before.cpuMs) / count).toFixed(1)} ms of the API's processor time`,
        `${((after.walBytes - before.walBytes) / count).toFixed(0)} bytes of WAL`,
        `${(await rssMib()).toFixed(0)} MiB resident`,
        ...grown.map(([name, bytes]) => `${name} ${bytes.toFixed(0)}`),
        ...(kib > 0 ? [`command_output per KiB ${(output / kib).toFixed(0)}`] : []),
      ].join('; ') + '\n',
    );
    expect(grown.map(([name]) => name)).toEqual(expect.arrayContaining(['commands', 'events']));
  });

  it('costs nothing while there is none', async () => {
    const since = await cpuMs();
    await sleep(IDLE_MS);
    const percent = ((await cpuMs()) - since) / (IDLE_MS / 100);
    process.stderr.write(`idle: ${percent.toFixed(1)}% of a processor, ${(await rssMib()).toFixed(0)} MiB resident\n`);
    expect(percent).toBeGreaterThanOrEqual(0);
  });
});
