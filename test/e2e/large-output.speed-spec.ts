import { readFile } from 'node:fs/promises';
import { setTimeout as delay } from 'node:timers/promises';
import {
  type ApiProcess,
  Transcript,
  createProject,
  ended,
  runCommand,
  startApi,
  startCommand,
} from '../support/index.js';
import { THOROUGH } from '../support/thorough.js';

const MEGABYTE = 1024 * 1024;
const LARGE = (THOROUGH ? 500 : 200) * MEGABYTE;
const LIMIT = 64 * MEGABYTE;
const GROWTH_MAX = 64 * MEGABYTE;
const RESIDENT_MAX = 256 * MEGABYTE;

/** Text, as fast as possible: 64 KiB lines would hide the cost per line. */
const write = (bytes: number) => `yes 0123456789abcdefghijklmnopqrstuvwxyz | head -c ${bytes}`;

describe('hundreds of megabytes of output', () => {
  let api: ApiProcess;
  let project: string;

  beforeAll(async () => {
    api = await startApi();
    project = await createProject(api.client);
  });
  afterAll(() => api.stop());

  async function residentBytes(): Promise<number> {
    const status = await readFile(`/proc/${api.pid}/status`, 'utf8');
    return Number(/VmRSS:\s+(\d+)/.exec(status)?.[1]) * 1024;
  }

  /** The API's peak memory during the work. */
  async function peakDuring(work: () => Promise<void>): Promise<number> {
    let peak = await residentBytes();
    const sample = async () => {
      peak = Math.max(peak, await residentBytes());
    };
    const timer = setInterval(() => void sample(), 100);
    await work().finally(() => clearInterval(timer));
    return peak;
  }

  /** Reads events with pauses, so that the server has more to send than it may buffer. */
  async function readSlowly(id: string, stop: AbortSignal): Promise<number> {
    const transcript = new Transcript();
    for await (const event of await api.client.sse(`/v1/commands/${id}/events`)) {
      transcript.add({ ...event, data: event.data });
      if (stop.aborted) break;
      if (event.event === 'output') await delay(50);
    }
    return transcript.position.stdout;
  }

  it('keeps the memory flat, with a slow reader attached', async () => {
    const follow = async (bytes: number) => {
      const { id } = await startCommand(api.client, project, { script: write(bytes), maxOutputBytes: 1024 * MEGABYTE });
      const stop = new AbortController();
      const reading = readSlowly(id, stop.signal);
      while ((await api.client.get(`/v1/commands/${id}/wait?timeoutSeconds=60`)).body.result === null);
      stop.abort();
      expect(await reading).toBeGreaterThan(0);
      const { status, result } = await ended(api.client, id);
      expect({ status, result }).toMatchObject({
        status: 'succeeded',
        result: { stdoutBytes: bytes, truncated: false },
      });
    };
    // Warms up, as code is compiled, and pools and heaps grow. What is resident afterwards depends on the last collection
    // of garbage, so peaks are compared.
    const before = await peakDuring(() => follow(60 * MEGABYTE));
    const since = performance.now();
    const peak = await peakDuring(() => follow(LARGE));
    const seconds = (performance.now() - since) / 1000;
    const growth = peak - before;
    process.stderr.write(
      `${LARGE / MEGABYTE} MiB: ${Math.round(LARGE / MEGABYTE / seconds)} MiB/s, RSS ${Math.round(before / MEGABYTE)} MiB at most for the first 60 MiB, ${Math.round(growth / MEGABYTE)} MiB more at most\n`,
    );
    expect(growth).toBeLessThan(GROWTH_MAX);
    expect(peak).toBeLessThan(RESIDENT_MAX);
  }, 180_000);

  it('succeeds under the default limit, truncated, with a gap that says what is missing', async () => {
    const { id, status, result } = await runCommand(api.client, project, write(LARGE));
    expect({ status, result }).toMatchObject({
      status: 'succeeded',
      result: { exitCode: 0, truncated: true, stdoutBytes: LARGE, stderrBytes: 0 },
    });
    const { headers } = await api.client.bytes(`/v1/commands/${id}/output?limit=1`);
    expect(headers['rdev-missing']).toBeUndefined();
    const end = await api.client.bytes(`/v1/commands/${id}/output?from=${LIMIT - 1}`);
    expect(end.bytes).toHaveLength(1);
    expect(end.headers).toMatchObject({ 'rdev-missing': `${LIMIT}-${LARGE}`, 'rdev-complete': 'true' });
    const lastEventId = `${LIMIT - 5}-0`;
    const events = [];
    for await (const event of await api.client.sse(`/v1/commands/${id}/events`, { lastEventId })) events.push(event);
    expect(events.find(({ event }) => event === 'gap')?.data).toEqual({
      stream: 'stdout',
      from: LIMIT,
      to: LARGE,
      reason: 'output_limit',
    });
    expect(events.at(-1)).toMatchObject({
      event: 'complete',
      data: { status: 'succeeded', result: { truncated: true } },
    });
  }, 120_000);
});
