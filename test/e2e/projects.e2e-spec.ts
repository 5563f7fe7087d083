import { existsSync } from 'node:fs';
import { mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import {
  type ApiProcess,
  type SseEvent,
  createProject,
  ended,
  eventually,
  expectProblem,
  expectStatus,
  outputOf,
  runCommand,
  startApi,
  startCommand,
  textOf,
} from '../support/index.js';

describe('projects on the local runtime', () => {
  let api: ApiProcess;
  beforeAll(async () => {
    api = await startApi();
  });
  afterAll(() => api.stop());

  const at = (id: string, rest = '') => `/v1/projects/${id}${rest}`;
  const patch = (id: string, body: unknown) =>
    api.client.request('PATCH', at(id), body, { 'content-type': 'application/merge-patch+json' });
  const is = (id: string, status: string, timeoutMs = 10_000) =>
    eventually(async () => {
      const { body } = await api.client.get(at(id));
      return body.status === status && body;
    }, timeoutMs);
  const read = async (id: string, lastEventId: string, last: (event: SseEvent) => boolean): Promise<SseEvent[]> => {
    const events: SseEvent[] = [];
    for await (const event of await api.client.sse(at(id, '/events'), { lastEventId })) {
      events.push(event);
      if (last(event)) break;
    }
    return events;
  };

  it('are changed by a merge patch, in which null restores the default', async () => {
    const id = await createProject(api.client, { name: 'before', env: { A: '1' }, labels: { a: '1', b: '2' } });
    const { body } = expectStatus(await patch(id, { name: 'after', env: { B: '2' }, labels: null }), 200);
    expect(body).toMatchObject({ id, name: 'after', labels: {}, status: 'running' });
    expect(await textOf(api.client, id, 'echo "${A-none} $B"')).toBe('none 2\n');
    expect(expectStatus(await patch(id, { name: null }), 200).body.name).toBe(id);
    expect(expectStatus(await patch(id, {}), 200).body.name).toBe(id);
    for (const [field, value] of Object.entries({
      id: 'x',
      gitUrl: '/x',
      storage: {},
      image: 'x',
      egress: [],
      env: { RDEV_X: '1' },
    })) {
      const problem = expectProblem(await patch(id, { [field]: value }), 400, 'INVALID_REQUEST');
      expect(problem.errors[0].pointer).toBe(`#/${field}`);
    }
    expectProblem(await patch('nothing', { name: 'x' }), 404, 'NOT_FOUND');
  });

  it('stop with their commands, keep their files, and are started by a command', async () => {
    const id = await createProject(api.client);
    await runCommand(api.client, id, 'echo kept > file');
    const running = await startCommand(api.client, id, 'trap "" TERM; echo ready; sleep 600');
    await eventually(async () => (await outputOf(api.client, running.id)).length > 0);
    expect(expectStatus(await api.client.post(at(id, '/stop')), 202).body.status).toBe('stopping');
    expect(await ended(api.client, running.id)).toMatchObject({
      status: 'cancelled',
      result: { survivors: 0, detail: 'The project was stopped.' },
    });
    await is(id, 'stopped');
    expect(expectStatus(await api.client.post(at(id, '/stop')), 202).body.status).toBe('stopped');
    // As the command below: it starts the project.
    const check = await api.client.post(at(id, '/commands/check'), { type: 'shell', script: 'cat file' });
    expect(check.body).toMatchObject({ allowed: true });
    expect(await textOf(api.client, id, 'cat file')).toBe('kept\n');
    expect((await is(id, 'running')).lastCommandAt).toEqual(expect.any(String));
    expectStatus(await api.client.post(at(id, '/restart')), 202);
    await is(id, 'running');
    expectStatus(await api.client.post(at(id, '/stop')), 202);
    await is(id, 'stopped');
    expectStatus(await api.client.post(at(id, '/start')), 202);
    await is(id, 'running');
  });

  it('report events of themselves and their commands, once and in order, also to a client that reconnects', async () => {
    const id = await createProject(api.client);
    const { id: commandId } = await runCommand(api.client, id, 'exit 3');
    await api.client.post(at(id, '/stop'));
    await is(id, 'stopped');
    const events = await read(id, '0', ({ data }) => data.type === 'project.stopped');
    expect(events[0]).toMatchObject({ event: 'connected', id: '0', data: { id, runtime: 'local' } });
    expect(events.slice(1).map(({ event, data }) => [event, data.type])).toEqual([
      ['project', 'project.created'],
      ['project', 'project.started'],
      ['command', 'command.created'],
      ['command', 'command.started'],
      ['command', 'command.ended'],
      ['project', 'project.stopping'],
      ['project', 'project.stopped'],
    ]);
    expect(events[5]?.data).toMatchObject({
      projectId: id,
      commandId,
      data: { status: 'failed', result: { exitCode: 3 } },
    });
    const seqs = events.slice(1).map((event) => Number(event.id));
    expect([...seqs].sort((a, b) => a - b)).toEqual(seqs);

    const resumed = await read(id, events[3]!.id, ({ data }) => data.type === 'project.stopped');
    expect(resumed.slice(1)).toEqual(events.slice(4));
    const stream = await api.client.sse(at(id, '/events'));
    const live = (async () => {
      const seen: unknown[] = [];
      for await (const { data } of stream) seen.push(data.type ?? data.status);
      return seen;
    })();
    expectStatus(await api.client.request('DELETE', at(id)), 204);
    expect(await live).toEqual(['stopped', 'project.terminating', 'project.deleted']);
    expectProblem(await api.client.get(at(id, '/events')), 404, 'NOT_FOUND');
  });

  it('refuse to be followed from an unknown position', async () => {
    const id = await createProject(api.client);
    for (const lastEventId of ['x', '-1', '999999999', '1.5'])
      expectProblem(await api.client.get(at(id, `/events?lastEventId=${lastEventId}`)), 400, 'INVALID_CURSOR');
  });

  it('leave their files to a later project with that id on request', async () => {
    const id = await createProject(api.client);
    await runCommand(api.client, id, 'echo kept > file');
    expectProblem(await api.client.request('DELETE', at(id, '?keepStorage=maybe')), 400, 'INVALID_REQUEST');
    expectStatus(await api.client.request('DELETE', at(id, '?keepStorage=true')), 204);
    expectStatus(await api.client.post('/v1/projects', { id }), 201);
    expect(await textOf(api.client, id, 'cat file')).toBe('kept\n');
    expectStatus(await api.client.request('DELETE', at(id)), 204);
    expectStatus(await api.client.post('/v1/projects', { id }), 201);
    expect(await textOf(api.client, id, 'ls')).toBe('');
  });

  it('end what their commands have left running when they stop, restart or are deleted', async () => {
    const id = await createProject(api.client);
    const leave = async (): Promise<string> => {
      const script = 'setsid sleep 300 & echo $!';
      const command = await runCommand(api.client, id, { script, keepBackground: true });
      const pid = (await outputOf(api.client, command.id)).toString().trim();
      expect(existsSync(`/proc/${pid}`)).toBe(true);
      return pid;
    };
    const isGone = (pid: string) =>
      eventually(async () => /\) [ZX] |^$/.test(await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => '')), 20_000);
    const stopped = await leave();
    expectStatus(await api.client.post(at(id, '/stop')), 202);
    await isGone(stopped);
    await is(id, 'stopped', 20_000);
    await api.client.post(at(id, '/start'));
    await is(id, 'running');
    const restarted = await leave();
    expectStatus(await api.client.post(at(id, '/restart')), 202);
    await isGone(restarted);
    await is(id, 'running', 20_000);
    const deleted = await leave();
    await api.client.request('DELETE', at(id));
    await isGone(deleted);
  });

  it('start nothing once their directory is gone, and are recreated by a restart', async () => {
    const id = await createProject(api.client);
    await rm(join(api.dataDir, 'projects', id), { recursive: true });
    const command = await runCommand(api.client, id, 'true');
    expect(command).toMatchObject({ status: 'failed', result: { reason: 'start_failed' } });
    expect(command.result.detail).toContain('directory is gone');
    expectStatus(await api.client.post(at(id, '/restart')), 202);
    await is(id, 'running');
    expect(await textOf(api.client, id, 'ls')).toBe('');
  });

  it('recover once what they need exists, and keep commands running when the API is killed', async () => {
    const origin = join(api.dataDir, 'late-origin');
    const id = await createProject(api.client, { gitUrl: origin });
    expect((await is(id, 'failed')).reason).toMatch(/late-origin/);
    expectStatus(await api.client.post(at(id, '/commands'), { type: 'shell', script: 'true' }), 409);
    const helper = await createProject(api.client);
    await runCommand(
      api.client,
      helper,
      'git init -q r && cd r && git -c user.name=t -c user.email=t@x commit -q --allow-empty -m x',
    );
    await mkdir(join(api.dataDir, 'projects'), { recursive: true });
    await rename(join(api.dataDir, 'projects', helper, 'r'), origin);
    expectStatus(await api.client.post(at(id, '/start')), 202);
    await is(id, 'running');

    await writeFile(join(api.dataDir, 'projects', id, 'mark'), '');
    await api.client.post(at(helper, '/stop'));
    await api.restart('SIGKILL');
    // The killed replica may have been reconciling it, with a lease of 15 s.
    await is(helper, 'stopped', 30_000);
    await is(id, 'running');
    expect(await textOf(api.client, id, 'ls')).toBe('mark\n');
  });
});
