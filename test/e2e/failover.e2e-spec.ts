import { readFile } from 'node:fs/promises';
import { get } from 'node:http';
import { join } from 'node:path';
import {
  type ApiProcess,
  type HttpClient,
  Transcript,
  createProject,
  ended,
  eventually,
  percentile,
  startApi,
  startCommand,
  textOf,
} from '../support/index.js';

/** Counts its starts in a file, then writes numbered lines to both streams for about this many tenths of a second. */
const counting = (tenths: number, code = 3) => `
echo start >> starts
i=0
while [ $i -lt ${tenths} ]; do i=$((i + 1)); echo "line $i é"; echo "error $i" >&2; sleep 0.1; done
echo end
exit ${code}
`;
const lines = (tenths: number, word: string) => Array.from({ length: tenths }, (_, i) => `${word} ${i + 1}`);
const stdoutOf = (tenths: number) => [...lines(tenths, 'line').map((line) => `${line} é`), 'end', ''].join('\n');
const stderrOf = (tenths: number) => [...lines(tenths, 'error'), ''].join('\n');

const starts = (api: ApiProcess, project: string) => readFile(join(api.dataDir, 'projects', project, 'starts'), 'utf8');

/** Reads until complete, over as many connections as needed, from any API that responds. */
async function readToEnd(transcript: Transcript, id: string, ...clients: HttpClient[]): Promise<Transcript> {
  let next = 0;
  await eventually(async () => {
    const client = clients[next++ % clients.length]!;
    const { lastEventId } = transcript;
    await transcript.read(
      await client.sse(`/v1/commands/${id}/events`, lastEventId === undefined ? {} : { lastEventId }),
    );
    return transcript.end !== undefined;
  }, 45_000);
  return transcript;
}

async function readSome(transcript: Transcript, client: HttpClient, id: string, atLeast: number): Promise<void> {
  await transcript.read(await client.sse(`/v1/commands/${id}/events`), () => transcript.position.stdout >= atLeast);
}

describe('a dying API', () => {
  let api: ApiProcess;
  let project: string;

  beforeAll(async () => {
    api = await startApi();
  });
  beforeEach(async () => {
    project = await createProject(api.client);
  });
  afterAll(() => api.stop());

  function expectExact(transcript: Transcript, tenths: number): void {
    expect(transcript.text()).toBe(stdoutOf(tenths));
    expect(transcript.text('stderr')).toBe(stderrOf(tenths));
    expect(transcript.gaps).toEqual([]);
    expect(transcript.end).toMatchObject({ status: 'failed', result: { exitCode: 3, signal: null, reason: 'exited' } });
  }

  it('by kill -9 leaves the command running: the client resumes, and nothing is lost, duplicated or restarted', async () => {
    // It does not end before the API has restarted.
    const script = counting(40).replace('echo end', 'until [ -e go ]; do sleep 0.05; done; echo end');
    const { id } = await startCommand(api.client, project, script);
    const transcript = new Transcript();
    await readSome(transcript, api.client, id, 60);
    await api.restart('SIGKILL');
    expect((await api.client.get(`/v1/commands/${id}`)).body.result).toBeNull();
    await startCommand(api.client, project, 'touch go');
    await readToEnd(transcript, id, api.client);
    expectExact(transcript, 40);
    expect(await starts(api, project)).toBe('start\n');
  });

  it('by kill -9 while the command ends: the ending is found after the restart', async () => {
    const { id } = await startCommand(api.client, project, counting(10));
    const transcript = new Transcript();
    await readSome(transcript, api.client, id, 20);
    await api.kill('SIGKILL');
    await eventually(
      async () => (await readFile(join(api.dataDir, 'projects', project, 'starts'), 'utf8')) === 'start\n',
    );
    await eventually(() => isOver(id), 20_000);
    await api.start();
    await readToEnd(transcript, id, api.client);
    expectExact(transcript, 10);
    expect(await starts(api, project)).toBe('start\n');
  });

  /** Checks what the command's supervisor leaves when the command has ended. */
  async function isOver(id: string): Promise<boolean> {
    const spool = join(api.dataDir, 'spool', 'rdev', id, 'c', 'end');
    return (await readFile(spool, 'utf8').catch(() => '')) !== '';
  }

  it('by kill -9 repeatedly, at random moments of many commands', async () => {
    const made: { id: string; project: string }[] = [];
    for (let round = 0; round < 3; round++) {
      const own = await createProject(api.client);
      for (let i = 0; i < 2; i++)
        made.push({ id: (await startCommand(api.client, own, counting(5 + 5 * i))).id, project: own });
      await api.restart('SIGKILL');
    }
    for (const [index, { id }] of made.entries()) {
      const tenths = 5 + 5 * (index % 2);
      expectExact(await readToEnd(new Transcript(), id, api.client), tenths);
    }
    for (const { project: own } of made) expect(await starts(api, own)).toBe('start\nstart\n');
  });

  it('by kill -9 with queued commands: they run once, after the restart', async () => {
    const first = await startCommand(api.client, project, { script: counting(15), lock: 'x' });
    const second = await startCommand(api.client, project, { script: counting(1), lock: 'x' });
    await eventually(async () => (await api.client.get(`/v1/commands/${first.id}`)).body.status === 'running');
    await api.restart('SIGKILL');
    for (const { id } of [first, second]) expect((await ended(api.client, id)).result.exitCode).toBe(3);
    expect(await starts(api, project)).toBe('start\nstart\n');
  });

  it('by SIGTERM ends streams after a retry, within 20 s; the command continues and is followed after the restart', async () => {
    const { id } = await startCommand(api.client, project, counting(30));
    const transcript = new Transcript();
    await readSome(transcript, api.client, id, 60);
    const stream = followRaw(id);
    const waiting = api.client.get(`/v1/commands/${id}/wait?timeoutSeconds=60`);
    const raw = api.client.bytes(`/v1/commands/${id}/output?follow=true`);
    await eventually(() => stream.text.includes('line 6'));
    const since = performance.now();
    expect(await api.kill('SIGTERM')).toBe(0);
    expect(performance.now() - since).toBeLessThan(20_000);
    process.stderr.write(`SIGTERM: ended after ${Math.round(performance.now() - since)} ms\n`);
    expect(await stream.ended).toBe('whole');
    expect(stream.text).toMatch(/\nretry: ?[1-9]\d*\n(data:.*\n)?\n$/);
    expect(stream.text).not.toContain('event: complete');
    // A long poll returns the command's current state; raw output must not look complete.
    expect(await waiting).toMatchObject({ status: 200, body: { status: 'running' } });
    expect((await raw).isWhole).toBe(false);
    await api.start();
    await readToEnd(transcript, id, api.client);
    expectExact(transcript, 30);
    expect(await starts(api, project)).toBe('start\n');
  });

  /** The raw stream, and whether it ended normally. */
  function followRaw(id: string): { text: string; ended: Promise<'whole' | 'broken'> } {
    const headers = { authorization: `Bearer ${api.adminKey}` };
    const stream = { text: '', ended: Promise.resolve<'whole' | 'broken'>('broken') };
    stream.ended = new Promise((resolve) => {
      const request = get(`${api.baseUrl}/v1/commands/${id}/events`, { headers, agent: false }, (response) => {
        response.on('data', (chunk: Buffer) => (stream.text += chunk.toString()));
        response.on('end', () => resolve('whole'));
        response.on('error', () => resolve('broken'));
      });
      request.on('error', () => resolve('broken'));
    });
    return stream;
  }
});

describe('two replicas on one database and one data directory', () => {
  let one: ApiProcess;
  let two: ApiProcess;
  let project: string;

  beforeEach(async () => {
    // Only the first one runs commands initially, so that it is known which one does.
    one = await startApi();
    project = await createProject(one.client);
  });
  afterEach(async () => {
    await two.stop();
    await one.stop();
  });

  const second = (env: Record<string, string> = {}) =>
    startApi({ databaseUrl: one.databaseUrl, dataDir: one.dataDir, adminKey: one.adminKey, env });

  it('show output within 250 ms on the one that does not run the command', async () => {
    two = await second({ RDEV_MAX_RUNNING: '0' });
    const script = 'for i in $(seq 30); do date +%s%3N; sleep 0.1; done';
    const { id } = await startCommand(one.client, project, script);
    const delays: number[] = [];
    for await (const { event, data } of await two.client.sse(`/v1/commands/${id}/events`)) {
      const now = Date.now();
      if (event === 'output')
        delays.push(
          ...String(data.data)
            .trim()
            .split('\n')
            .map((time) => now - Number(time)),
        );
    }
    process.stderr.write(`other replica: p50 ${percentile(delays, 0.5)} ms, p95 ${percentile(delays, 0.95)} ms\n`);
    expect(delays).toHaveLength(30);
    expect(percentile(delays, 0.5)).toBeLessThan(250);
  });

  it('take over a command when the one running it is killed, without loss', async () => {
    two = await second({ RDEV_MAX_RUNNING: '0' });
    const { id } = await startCommand(one.client, project, counting(105));
    const transcript = new Transcript();
    await readSome(transcript, two.client, id, 60);
    await one.kill('SIGKILL');
    await readToEnd(transcript, id, two.client);
    expect(transcript.text()).toBe(stdoutOf(105));
    expect(transcript.text('stderr')).toBe(stderrOf(105));
    expect(transcript.end).toMatchObject({ status: 'failed', result: { exitCode: 3 } });
    expect(await starts(one, project)).toBe('start\n');
  });

  it('start each command once, whichever replica takes it', async () => {
    two = await second();
    const made = await Promise.all(
      Array.from({ length: 20 }, (_, i) =>
        startCommand([one, two][i % 2]!.client, project, `echo ${i} >> starts; echo ${i}`),
      ),
    );
    for (const [i, { id }] of made.entries())
      expect((await ended([two, one][i % 2]!.client, id)).status).toBe('succeeded');
    const started = (await textOf(one.client, project, 'cat starts')).trim().split('\n').map(Number);
    expect(started.sort((a, b) => a - b)).toEqual(made.map((_, i) => i));
  });

  it('start concurrently on an empty data directory', async () => {
    two = await second();
    const keys = await Promise.all([one, two].map(({ client }) => client.get('/v1/keys/self')));
    expect(keys[0]!.body.id).toBe(keys[1]!.body.id);
  });
});
