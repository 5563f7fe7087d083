import { get } from 'node:http';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import {
  type ApiProcess,
  type HttpClient,
  StreamRefused,
  Transcript,
  createProject,
  ended,
  expectProblem,
  runCommand,
  startApi,
  startCommand,
} from '../support/index.js';

describe('server-sent events', () => {
  let api: ApiProcess;
  let client: HttpClient;
  let project: string;

  beforeAll(async () => {
    api = await startApi();
    client = api.client;
    project = await createProject(client);
  });
  afterAll(() => api.stop());

  const eventsOf = (id: string) => `/v1/commands/${id}/events`;
  const go = (name = 'go') => writeFile(join(api.dataDir, 'projects', project, name), '');

  it('arrive in order: connected, status, output, complete, and then the stream closes', async () => {
    const { id } = await startCommand(client, project, 'printf out; printf error >&2; exit 3');
    const stream = await client.sse(eventsOf(id));
    expect(stream.headers).toMatchObject({
      'x-accel-buffering': 'no',
      'content-type': 'text/event-stream; charset=utf-8',
    });
    expect(stream.headers['cache-control']).toMatch(/no-cache/);
    expect(stream.headers['cache-control']).toMatch(/no-transform/);
    const transcript = await new Transcript().read(stream);
    expect(transcript.names[0]).toBe('connected');
    expect(transcript.names[1]).toBe('status');
    expect(transcript.names.at(-1)).toBe('complete');
    expect(transcript.names.filter((name) => name === 'complete')).toHaveLength(1);
    const [connected, status] = transcript.events;
    expect(connected!.data).toEqual({
      commandId: id,
      projectId: project,
      status: expect.any(String),
      reconnecting: false,
    });
    expect(status!.data).toMatchObject({ status: connected!.data.status, at: expect.stringMatching(/Z$/) });
    expect(transcript.end).toMatchObject({
      status: 'failed',
      result: { exitCode: 3, reason: 'exited', stdoutBytes: 3, stderrBytes: 5 },
    });
    expect((await client.get(`/v1/commands/${id}`)).body.result).toEqual(transcript.end.result);
    expect([transcript.text(), transcript.text('stderr')]).toEqual(['out', 'error']);
  });

  it('each have an id on the wire, also before the first output', async () => {
    const { id } = await startCommand(client, project, 'until [ -e go ]; do sleep 0.02; done; echo x');
    const raw = await new Promise<string>((resolve, reject) => {
      const headers = { authorization: `Bearer ${api.adminKey}` };
      get(`${api.baseUrl}${eventsOf(id)}`, { headers, agent: false }, (response) => {
        let text = '';
        response.on('data', (chunk: Buffer) => {
          text += chunk.toString();
          if (text.includes('event: status')) void go();
        });
        response.on('end', () => resolve(text));
      }).on('error', reject);
    });
    const messages = raw.split('\n\n').filter((message) => message.trim() !== '');
    expect(messages.length).toBeGreaterThanOrEqual(4);
    for (const message of messages) expect(message).toMatch(/^id: ?\S+$/m);
  });

  it('report each status while the command waits', async () => {
    const first = await startCommand(client, project, { script: 'until [ -e go1 ]; do sleep 0.02; done', lock: 'x' });
    const second = await startCommand(client, project, { script: 'until [ -e go2 ]; do sleep 0.02; done', lock: 'x' });
    const transcript = new Transcript();
    await transcript.read(await client.sse(eventsOf(second.id)), ({ event, data }) => {
      if (event === 'status' && data.status === 'queued') void go('go1');
      if (event === 'status' && data.status === 'running') void go('go2');
      return false;
    });
    const statuses = transcript.events.filter(({ event }) => event === 'status').map(({ data }) => data.status);
    expect(statuses[0]).toBe('queued');
    expect(statuses.at(-1)).toBe('running');
    expect(transcript.end.status).toBe('succeeded');
    await ended(client, first.id);
  });

  it('include a heartbeat with the current id every 15 s', async () => {
    const { id } = await startCommand(client, project, 'printf x; until [ -e go3 ]; do sleep 0.1; done');
    const transcript = new Transcript();
    const since = performance.now();
    await transcript.read(await client.sse(eventsOf(id)), ({ event }) => event === 'heartbeat');
    const beat = transcript.events.at(-1)!;
    expect(beat.data).toEqual({ at: expect.stringMatching(/Z$/) });
    expect(beat.id).toBe(transcript.events.findLast(({ event }) => event === 'output')!.id);
    expect(performance.now() - since).toBeLessThan(17_000);
    await go('go3');
    await ended(client, id);
  });

  it('report the exact gap after the output limit', async () => {
    const { id } = await runCommand(client, project, {
      script: 'head -c 3000 /dev/zero; head -c 9 /dev/zero >&2',
      maxOutputBytes: 1000,
    });
    const transcript = await new Transcript().read(await client.sse(eventsOf(id)));
    expect(transcript.gaps).toEqual([{ stream: 'stdout', from: 1000, to: 3000, reason: 'output_limit' }]);
    expect(transcript.position).toEqual({ stdout: 3000, stderr: 9 });
    expect(transcript.bytes('stdout')).toHaveLength(1000);
    expect(transcript.end).toMatchObject({ status: 'succeeded', result: { truncated: true, stdoutBytes: 3000 } });
  });

  describe('resumed', () => {
    let id: string;
    let whole: Transcript;

    beforeAll(async () => {
      ({ id } = await runCommand(
        client,
        project,
        'for i in 1 2 3 4 5; do echo line $i; echo error $i >&2; sleep 0.06; done',
      ));
      whole = await new Transcript().read(await client.sse(eventsOf(id)));
    });

    const rest = async (lastEventId: string, by: 'header' | 'query') => {
      const stream = await (by === 'header'
        ? client.sse(eventsOf(id), { lastEventId })
        : client.sse(`${eventsOf(id)}?lastEventId=${encodeURIComponent(lastEventId)}`));
      const events = [];
      for await (const event of stream) events.push(event);
      return { events, from: stream.headers['last-event-id'] };
    };

    it.each(['header', 'query'] as const)('after any event by %s, contain exactly what follows', async (by) => {
      for (const [index, { id: lastEventId, event }] of whole.events.entries()) {
        if (event === 'complete') continue;
        const { events, from } = await rest(lastEventId, by);
        expect(from).toBe(lastEventId);
        expect(events[0]!.data).toEqual({ commandId: id, projectId: project, status: 'succeeded', reconnecting: true });
        const resumed = new Transcript();
        for (const earlier of whole.events.slice(0, index + 1)) resumed.add(earlier);
        for (const later of events) resumed.add(later);
        expect([resumed.text(), resumed.text('stderr')]).toEqual([whole.text(), whole.text('stderr')]);
        expect(resumed.end).toEqual(whole.end);
      }
    });

    it('have the two streams in the same order again', async () => {
      const again = await new Transcript().read(await client.sse(eventsOf(id)));
      const order = ({ events }: Transcript) =>
        events.filter(({ event }) => event === 'output').map(({ data }) => data);
      expect(order(again)).toEqual(order(whole));
    });

    it('prefer the header, since EventSource keeps the first URL', async () => {
      const [first, last] = [whole.events[0]!.id, whole.events.at(-2)!.id];
      const stream = await client.sse(`${eventsOf(id)}?lastEventId=${first}`, { lastEventId: last });
      expect(stream.headers['last-event-id']).toBe(last);
      stream.drop();
    });

    it('tell EventSource to stop after complete', async () => {
      const lastEventId = whole.events.at(-1)!.id;
      for (const path of [eventsOf(id), `${eventsOf(id)}?lastEventId=${encodeURIComponent(lastEventId)}`]) {
        const { status, text } = await client.get(path, path.includes('?') ? {} : { 'last-event-id': lastEventId });
        expect({ status, text }).toEqual({ status: 204, text: '' });
      }
    });

    it('contain the rest for a wrong end id', async () => {
      const { events, from } = await rest('7-0-end', 'header');
      expect(from).toBe('7-0');
      const first = events.find(({ event, data }) => event === 'output' && data.stream === 'stdout');
      expect([first!.data.offset, events.at(-1)!.event]).toEqual([7, 'complete']);
    });

    it('continue while the command runs, whatever end the client claims to have seen', async () => {
      const running = await startCommand(client, project, 'until [ -e seen ]; do sleep 0.05; done; echo done');
      const stream = await client.sse(eventsOf(running.id), { lastEventId: '0-0-end' });
      expect(stream.headers['last-event-id']).toBe('0-0');
      await go('seen');
      const transcript = await new Transcript().read(stream);
      expect([transcript.text(), transcript.end.status]).toEqual(['done\n', 'succeeded']);
    });

    it('start at the beginning for an empty id', async () => {
      const { status, headers } = await client.sse(`${eventsOf(id)}?lastEventId=`);
      expect(status).toBe(200);
      expect(headers['last-event-id']).toBe(whole.events[0]!.id);
    });

    it.each([
      'x',
      '1',
      '-1-0',
      '1-2-3',
      '9e9-0',
      '0-0-END',
      '999999-0',
      '999999-0-end',
      '0-999999',
      '99999999999999999999-0',
      'cmd_x',
      '0-0 '.repeat(50),
    ])('refuse the foreign id %j', async (lastEventId) => {
      for (const by of ['header', 'query'] as const) {
        const refused = await rest(lastEventId, by).then(
          () => null,
          (error: unknown) => error,
        );
        expect(refused).toBeInstanceOf(StreamRefused);
        expectProblem((refused as StreamRefused).response, 400, 'INVALID_CURSOR');
      }
    });

    it('refuse an id of another command that is beyond the output', async () => {
      const longer = await runCommand(client, project, 'head -c 5000 /dev/zero');
      const { lastEventId } = await new Transcript().read(
        await client.sse(eventsOf(longer.id)),
        ({ event }) => event === 'output',
      );
      expectProblem(await client.get(eventsOf(id), { 'last-event-id': lastEventId! }), 400, 'INVALID_CURSOR');
    });
  });

  it('continue for other readers when one leaves', async () => {
    const { id } = await startCommand(client, project, 'for i in $(seq 30); do echo $i; sleep 0.02; done');
    const [stays] = await Promise.all([
      client.sse(eventsOf(id)).then((stream) => new Transcript().read(stream)),
      ...[2, 3, 4].map(async (dropAfter) => {
        await new Transcript().read(await client.sse(eventsOf(id), { dropAfter }));
      }),
    ]);
    expect(stays.text().split('\n')).toHaveLength(31);
  });
});
