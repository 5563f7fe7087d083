import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { randomUUID } from 'node:crypto';
import {
  type ApiProcess,
  type HttpClient,
  type TestResponse,
  createProject,
  ended,
  eventually,
  expectProblem,
  expectStatus,
  startApi,
} from '../support/index.js';

describe('Idempotency-Key, on two replicas', () => {
  let one: ApiProcess;
  let two: ApiProcess;
  let project: string;

  beforeAll(async () => {
    one = await startApi();
    const { databaseUrl, dataDir, adminKey } = one;
    two = await startApi({ databaseUrl, dataDir, adminKey });
  });
  beforeEach(async () => {
    project = await createProject(one.client);
  });
  afterAll(async () => {
    await two.stop();
    await one.stop();
  });

  const post = (client: HttpClient, key: string, body: object = aCommand(), path = `projects/${project}/commands`) =>
    client.post(`/v1/${path}`, body, { 'idempotency-key': key });
  const aCommand = (): object => ({ type: 'shell', script: 'echo start >> starts' });
  const starts = () => readFile(join(one.dataDir, 'projects', project, 'starts'), 'utf8');

  it('creates a command once, and returns its current state', async () => {
    const key = randomUUID();
    const first = expectStatus(await post(one.client, key), 202);
    expect(first.headers['idempotency-replayed']).toBeUndefined();
    await ended(one.client, first.body.id);
    const second = expectStatus(await post(two.client, key), 202);
    expect(second.headers['idempotency-replayed']).toBe('true');
    expect(second.body).toMatchObject({ id: first.body.id, status: 'succeeded' });
    expect(await starts()).toBe('start\n');
  });

  it('creates one for many concurrent requests', async () => {
    const key = randomUUID();
    const answers = await Promise.all(
      Array.from({ length: 20 }, (_, index) => post([one, two][index % 2]!.client, key)),
    );
    const ids = new Set(answers.map((answer) => expectStatus(answer, 202).body.id));
    expect(ids.size).toBe(1);
    expect(answers.filter(({ headers }) => headers['idempotency-replayed'] === undefined)).toHaveLength(1);
    await ended(one.client, [...ids][0]);
    expect(await starts()).toBe('start\n');
  });

  it('creates one also if the replica handling the request is killed at any moment', async () => {
    const keys = Array.from({ length: 12 }, () => randomUUID());
    const asked = keys.map((key) => post(two.client, key).catch(() => null));
    await two.restart('SIGKILL');
    await Promise.all(asked);
    const ids = new Set<string>();
    for (const key of keys) {
      const { id } = expectStatus(await post(two.client, key), 202).body;
      expect(expectStatus(await post(one.client, key), 202).body.id).toBe(id);
      ids.add(id);
    }
    for (const id of ids) await ended(one.client, id);
    expect(ids.size).toBe(keys.length);
    expect(await starts()).toBe('start\n'.repeat(keys.length));
  });

  it('refuses another body with the same key', async () => {
    const key = randomUUID();
    expectStatus(await post(one.client, key), 202);
    expectProblem(await post(two.client, key, { type: 'shell', script: 'true' }), 422, 'IDEMPOTENCY_MISMATCH');
    expectProblem(await post(two.client, key, { ...aCommand(), labels: {} }), 422, 'IDEMPOTENCY_MISMATCH');
  });

  it("is scoped to the caller's key and the route", async () => {
    const key = randomUUID();
    const { body: other } = await one.client.post('/v1/keys', { name: 'other', scopes: ['admin'] });
    const { id } = expectStatus(await post(one.client, key), 202).body;
    expect(expectStatus(await post(one.client.as(other.secret), key), 202).body.id).not.toBe(id);
    const elsewhere = await createProject(one.client);
    const { body } = expectStatus(await post(one.client, key, aCommand(), `projects/${elsewhere}/commands`), 202);
    expect(body).toMatchObject({ projectId: elsewhere });
    expect(body.id).not.toBe(id);
  });

  it('is free again after a refusal', async () => {
    const key = randomUUID();
    expectStatus(await post(one.client, key, { type: 'shell' }), 400);
    expectStatus(await post(one.client, key), 202);
    await eventually(async () => (await starts().catch(() => '')) === 'start\n');
  });

  it('returns the secret of a key once, and creates a project once', async () => {
    const [forKey, forProject] = [randomUUID(), randomUUID()];
    const request = { name: 'once', scopes: ['commands:read'] };
    const made = expectStatus(await post(one.client, forKey, request, 'keys'), 201).body;
    expect(made.secret).toMatch(/^rdev_/);
    const again = expectStatus(await post(two.client, forKey, request, 'keys'), 201);
    expect(again.body.id).toBe(made.id);
    expect(again.text).not.toContain('rdev_');

    const id = `p-${randomUUID().slice(0, 8)}`;
    expectStatus(await post(one.client, forProject, { id }, 'projects'), 201);
    expect(expectStatus(await post(two.client, forProject, { id }, 'projects'), 201).body.id).toBe(id);
    expectProblem(await post(two.client, randomUUID(), { id }, 'projects'), 409, 'PROJECT_EXISTS');
  });

  it('reports that the project it created is gone, and does not return a later one', async () => {
    const key = randomUUID();
    const id = `p-${randomUUID().slice(0, 8)}`;
    expectStatus(await post(one.client, key, { id }, 'projects'), 201);
    const made = expectStatus(await post(one.client, key, aCommand(), `projects/${id}/commands`), 202).body;
    await ended(one.client, made.id);
    expectStatus(await one.client.request('DELETE', `/v1/projects/${id}`), 204);
    const gone = expectProblem(await post(two.client, key, { id }, 'projects'), 410, 'RESOURCE_GONE');
    expect(gone).toMatchObject({ resourceId: id, retryable: false });
    expectStatus(await post(one.client, randomUUID(), { id }, 'projects'), 201);
    expectProblem(await post(two.client, key, { id }, 'projects'), 410, 'RESOURCE_GONE');
    // The command still exists, although its project does not.
    await one.client.request('DELETE', `/v1/projects/${id}`);
    const again = expectStatus(await post(two.client, key, aCommand(), `projects/${id}/commands`), 202);
    expect(again.body).toMatchObject({ id: made.id, status: 'succeeded' });
  });

  it('applies to one path, however it is spelled', async () => {
    const key = randomUUID();
    const made = expectStatus(await post(one.client, key), 202).body;
    const encoded = `projects/%${project.charCodeAt(0).toString(16)}${project.slice(1)}/commands`;
    expect(expectStatus(await post(two.client, key, aCommand(), encoded), 202).body.id).toBe(made.id);
    for (const path of [`Projects/${project}/commands`, `projects/${project}/commands/`])
      expectProblem(await post(one.client, key, aCommand(), path), 404, 'NOT_FOUND');
    expectProblem(await one.client.post(`/V1/projects/${project}/commands`, aCommand()), 404, 'NOT_FOUND');
  });

  it('sends a signal, writes to stdin and cancels at most once, also if the command has ended since', async () => {
    // A trap interrupts `read`.
    const script = 'trap "echo got" USR1; echo up; for i in 1 2; do until read -r line; do :; done; echo "$line"; done';
    const { id } = expectStatus(
      await post(one.client, randomUUID(), { type: 'shell', script, stdin: 'open' }),
      202,
    ).body;
    const output = async () => (await one.client.bytes(`/v1/commands/${id}/output`)).bytes.toString();
    await eventually(async () => (await output()) === 'up\n');
    const act = (client: HttpClient, what: string, key: string, body: object) =>
      post(client, key, body, `commands/${id}/${what}`);
    const replayed = async (answer: Promise<TestResponse>, status = 200) => {
      const { body, headers } = expectStatus(await answer, status);
      expect(headers['idempotency-replayed']).toBe('true');
      return body;
    };
    const [forSignal, forStdin, forEnd, forCancel] = [randomUUID(), randomUUID(), randomUUID(), randomUUID()];
    expectStatus(await act(one.client, 'signal', forSignal, { signal: 'USR1' }), 200);
    expect(await replayed(act(two.client, 'signal', forSignal, { signal: 'USR1' }))).toMatchObject({
      status: 'running',
    });
    const first = { data: 'one\n' };
    expect(expectStatus(await act(one.client, 'stdin', forStdin, first), 200).body).toEqual({ offset: 4 });
    expect(await replayed(act(two.client, 'stdin', forStdin, first))).toEqual({ offset: 4 });
    expectProblem(await act(two.client, 'stdin', forStdin, { data: 'two\n' }), 422, 'IDEMPOTENCY_MISMATCH');
    const last = { data: 'end\n', eof: true };
    expect(expectStatus(await act(one.client, 'stdin', forEnd, last), 200).body).toEqual({ offset: 8 });
    await ended(one.client, id);
    expect((await output()).match(/got|one|end/g)).toEqual(['got', 'one', 'end']);
    expect(await replayed(act(two.client, 'stdin', forEnd, last))).toEqual({ offset: 8 });
    expect(await replayed(act(two.client, 'signal', forSignal, { signal: 'USR1' }))).toMatchObject({ id });
    expectProblem(await act(one.client, 'signal', randomUUID(), { signal: 'USR1' }), 409, 'COMMAND_ENDED');
    expectStatus(await act(one.client, 'cancel', forCancel, {}), 200);
    await replayed(act(two.client, 'cancel', forCancel, {}));
  });

  it('pauses, stops and starts at most once, and returns a ticket once', async () => {
    const replayed = async (path: string, status: number, body: object = {}) => {
      const key = randomUUID();
      const first = expectStatus(await post(one.client, key, body, path), status);
      expect(first.headers['idempotency-replayed']).toBeUndefined();
      const again = expectStatus(await post(two.client, key, body, path), status);
      expect(again.headers['idempotency-replayed']).toBe('true');
      return again.body;
    };
    expect(await replayed(`projects/${project}/queue/pause`, 200)).toMatchObject({ paused: true });
    expect(await replayed(`projects/${project}/queue/resume`, 200)).toMatchObject({ paused: false });
    expect(await replayed(`projects/${project}/commands/check`, 200, aCommand())).toMatchObject({ allowed: true });
    for (const what of ['stop', 'start', 'restart']) await replayed(`projects/${project}/${what}`, 202);
    const { id } = expectStatus(await post(one.client, randomUUID()), 202).body;
    const ticket = await replayed('stream-tickets', 201, { path: `/v1/commands/${id}/events` });
    expect(ticket).toEqual({ expiresAt: expect.any(String) });
  });

  it.each([
    ['empty', ''],
    ['blank', ' '],
    ['not ASCII', 'é'],
    ['too long', 'x'.repeat(256)],
  ])('refuses a key that is %s', async (_what, key) => {
    // Header values are sent as Latin-1.
    const answer = await post(one.client, Buffer.from(key).toString('latin1'));
    expect(expectProblem(answer, 400, 'INVALID_REQUEST').errors).toMatchObject([{ pointer: 'Idempotency-Key' }]);
  });
});
