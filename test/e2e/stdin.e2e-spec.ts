import {
  type ApiProcess,
  type TestResponse,
  createProject,
  ended,
  eventually,
  factsOf,
  expectProblem,
  expectStatus,
  outputOf,
  startApi,
  startCommand,
} from '../support/index.js';

describe('open stdin', () => {
  let api: ApiProcess;
  let project: string;

  beforeAll(async () => {
    api = await startApi();
  });
  beforeEach(async () => {
    project = await createProject(api.client);
  });
  afterAll(() => api.stop());

  const start = async (script: string, more: Record<string, unknown> = {}): Promise<string> =>
    (await startCommand(api.client, project, { script, stdin: 'open', ...more })).id;
  const write = (id: string, body: Record<string, unknown>): Promise<TestResponse> =>
    api.client.post(`/v1/commands/${id}/stdin`, body);
  const offsetOf = async (answer: Promise<TestResponse>): Promise<number> =>
    expectStatus(await answer, 200).body.offset;

  it('accepts data, in order, up to the end', async () => {
    const id = await start('while read -r line; do echo "got $line"; done; echo over');
    // Immediately: the command need not be running yet.
    expect(await offsetOf(write(id, { data: 'one\n' }))).toBe(4);
    await eventually(async () => (await outputOf(api.client, id)).toString() === 'got one\n');
    expect(await offsetOf(write(id, { data: 'zwei é\n', offset: 4 }))).toBe(12);
    expect(await offsetOf(write(id, { eof: true }))).toBe(12);
    expect(await ended(api.client, id)).toMatchObject({ status: 'succeeded', stdin: 'open' });
    expect((await outputOf(api.client, id)).toString()).toBe('got one\ngot zwei é\nover\n');
  });

  it('accepts bytes as base64', async () => {
    const bytes = Buffer.from(Array.from({ length: 1000 }, (_, index) => index & 255));
    const id = await start('cat');
    await offsetOf(write(id, { data: bytes.toString('base64'), encoding: 'base64', eof: true }));
    await ended(api.client, id);
    expect((await outputOf(api.client, id)).equals(bytes)).toBe(true);
  });

  it('duplicates nothing when a request is repeated, and returns the next offset', async () => {
    const id = await start('cat');
    await offsetOf(write(id, { data: 'abc', offset: 0 }));
    for (const offset of [0, 2, 4]) {
      expect(expectProblem(await write(id, { data: 'abc', offset }), 409, 'STDIN_OFFSET').offset).toBe(3);
    }
    expect(await offsetOf(write(id, { data: 'd', offset: 3, eof: true }))).toBe(4);
    await ended(api.client, id);
    expect((await outputOf(api.client, id)).toString()).toBe('abcd');
    // A repeated last piece is confirmed too.
    expect(expectProblem(await write(id, { data: 'd', offset: 3, eof: true }), 409, 'COMMAND_ENDED').offset).toBe(4);
  });

  it('keeps its offset after the API was killed, and after it was stopped', async () => {
    const id = await start('cat');
    let text = '';
    for (const signal of ['SIGKILL', 'SIGTERM'] as const) {
      const data = `before ${signal}\n`;
      expect(await offsetOf(write(id, { data, offset: text.length }))).toBe(text.length + data.length);
      text += data;
      await api.restart(signal);
    }
    await offsetOf(write(id, { data: 'end', offset: text.length, eof: true }));
    expect((await ended(api.client, id)).status).toBe('succeeded');
    expect((await outputOf(api.client, id)).toString()).toBe(`${text}end`);
  });

  it('is full if the command does not read, and continues when it does', async () => {
    const id = await start('while [ ! -e go ]; do sleep 0.1; done; wc -c');
    const data = 'x'.repeat(500_000);
    let written = 0;
    let answer = await write(id, { data, offset: written });
    for (; answer.status === 200 && written < 10_000_000; answer = await write(id, { data, offset: written })) {
      written = answer.body.offset;
    }
    expectProblem(answer, 429, 'STDIN_FULL');
    expect(answer.headers['retry-after']).toBe('1');
    expect(answer.body).toMatchObject({ retryable: true, offset: written });
    expect(written).toBeLessThan(1_600_000);
    await startCommand(api.client, project, 'touch go');
    await eventually(async () => (await write(id, { data: 'end', offset: written, eof: true })).status === 200);
    await ended(api.client, id);
    expect((await outputOf(api.client, id)).toString().trim()).toBe(String(written + 3));
  });

  it('is closed after its end, for a command without one, and once the command has closed it', async () => {
    const ended = await start('cat; sleep 60');
    await offsetOf(write(ended, { data: 'x', eof: true }));
    expect(expectProblem(await write(ended, { data: 'y' }), 409, 'STDIN_CLOSED').offset).toBe(1);
    const { id: none } = await startCommand(api.client, project, 'sleep 60');
    expectProblem(await write(none, { data: 'y' }), 409, 'STDIN_CLOSED');
    const deaf = await start('exec <&-; sleep 60');
    await eventually(async () => (await write(deaf, { data: 'x' })).status === 409);
    expectProblem(await write(deaf, { data: 'x' }), 409, 'STDIN_CLOSED');
    for (const id of [ended, none, deaf]) await api.client.post(`/v1/commands/${id}/cancel`, { graceSeconds: 0 });
  });

  it('ends with the command, also by a timeout while it waits', async () => {
    const id = await start('cat', { timeoutSeconds: 1 });
    expect(await ended(api.client, id)).toMatchObject({ status: 'timed_out', result: { killVerified: true } });
    expectProblem(await write(id, { data: 'late' }), 409, 'COMMAND_ENDED');
  });

  it('is refused for a command that is still queued', async () => {
    const holder = await startCommand(api.client, project, { script: 'sleep 60', lock: 'x' });
    const id = await start('cat', { lock: 'x' });
    expect(expectProblem(await write(id, { data: 'x' }), 409, 'CONFLICT').retryable).toBe(true);
    for (const one of [id, holder.id]) await api.client.post(`/v1/commands/${one}/cancel`, { graceSeconds: 0 });
  });

  it.each([
    [{ data: 1 }, '#/data'],
    [{ data: 'not base64', encoding: 'base64' }, '#/data'],
    [{ data: 'YQ', encoding: 'base64' }, '#/data'],
    [{ data: '\ud800' }, '#/data'],
    [{ data: 'x', encoding: 'latin1' }, '#/encoding'],
    [{ data: 'x', offset: -1 }, '#/offset'],
    [{ data: 'x', offset: 1.5 }, '#/offset'],
    [{ data: 'x', eof: 'yes' }, '#/eof'],
    [{ text: 'x' }, '#/text'],
  ])('refuses %j', async (body, pointer) => {
    const { errors } = expectProblem(await write('cmd_none', body), 400, 'INVALID_REQUEST');
    expect(errors).toMatchObject([{ pointer }]);
  });

  it('is recorded, but without its data', async () => {
    const id = await start('cat');
    await offsetOf(write(id, { data: 'secret', eof: true }));
    let rows: unknown[] = [];
    await eventually(async () => {
      rows = (await factsOf(api.databaseUrl, 'command.stdin')).filter(({ target }) => target === id);
      return rows.length > 0;
    });
    expect(rows).toMatchObject([{ outcome: 'allowed', data: { offset: null, bytes: 6, eof: true } }]);
    expect(JSON.stringify(rows) + api.logs).not.toContain('secret');
  });
});
