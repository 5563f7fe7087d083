import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { type ApiProcess, percentile, startApi } from '../support/index.js';

const PROJECT = '../../scripts/project.mjs';
const STARTS = 7;
const IDLE_MS = 5_000;
/** Linux counts the processor's time in hundredths of a second. */
const TICK_MS = 10;

async function processorMs(pid: number): Promise<number> {
  const fields = (await readFile(`/proc/${pid}/stat`, 'utf8')).split(') ')[1]?.split(' ') ?? [];
  return (Number(fields[11]) + Number(fields[12])) * TICK_MS;
}

async function residentMb(pid: number): Promise<number> {
  const [, kb] = /VmRSS:\s+(\d+)/.exec(await readFile(`/proc/${pid}/status`, 'utf8')) ?? [];
  return Number(kb) / 1024;
}

describe('a start on an existing data directory, with the embedded PostgreSQL', () => {
  let api: ApiProcess;
  let dataDir: string;
  beforeAll(async () => {
    dataDir = await mkdtemp(join(tmpdir(), 'rdev-start-'));
    const { nodeEnvironment } = (await import(PROJECT)) as { nodeEnvironment: object };
    api = await startApi({ dataDir, env: { ...nodeEnvironment, DATABASE_URL: undefined } });
  });
  afterAll(async () => {
    await api.stop();
    await rm(dataDir, { recursive: true, force: true });
  });

  it('is measured, with its processor time and what is resident later', async () => {
    const [waits, processor, resident]: number[][] = [[], [], []];
    for (let i = 0; i < STARTS; i++) {
      await api.kill('SIGTERM');
      const since = performance.now();
      await api.start();
      waits?.push(performance.now() - since);
      processor?.push(await processorMs(api.pid));
      await pause(IDLE_MS);
      resident?.push(await residentMb(api.pid));
    }
    const median = (values: number[] = []): string => percentile(values, 0.5).toFixed(0);
    process.stderr.write(
      `median: ready after ${median(waits)} ms, ${median(processor)} ms of processor time, ${median(resident)} MB resident\n`,
    );
  });
});
