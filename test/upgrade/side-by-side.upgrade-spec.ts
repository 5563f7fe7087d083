import { execFile } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, extname, join } from 'node:path';
import { promisify } from 'node:util';
import {
  type ApiOptions,
  type ApiProcess,
  type HttpClient,
  type TestDatabase,
  Transcript,
  createEmptyDatabase,
  createProject,
  ended,
  eventually,
  expectStatus,
  newKey,
  outputOf,
  programOf,
  rowsOf,
  startApi,
  startCommand,
  textOf,
} from '../support/index.js';
import { type PreviousRelease, buildPreviousRelease, commit, isThere } from './previous-release.js';
import { ReadinessWatch } from './readiness.js';

if (!isThere) process.stderr.write(`Skipped: the upgrade, as the previous release, ${commit}, is not in this clone.\n`);

/** What a revocation may take: 1 s, and what a busy machine adds. */
const REVOKED_WITHIN_MS = 5_000;
const LINES = 2_000;
const TEXT = Array.from({ length: LINES }, (_, i) => `${i + 1} é\n`).join('');
/** Writes half of the text, and the rest as soon as there is a file of that name. */
const halves = (name: string): string => `
n=0
until [ $n = ${LINES} ]; do
  n=$((n + 1)); echo "$n é"
  [ $n != ${LINES / 2} ] || until [ -e ${name} ]; do sleep 0.05; done
done
echo ${name} >> ends`;
const untilThere = (name: string): string => `until [ -e ${name} ]; do sleep 0.05; done; echo ${name} >> ends`;

/** One after the other, as an upgrade and its rollback go: each test begins where the one before has left things. */
(isThere ? describe : describe.skip)('an upgrade from the previous release, and back', () => {
  let release: PreviousRelease;
  let database: TestDatabase;
  let options: ApiOptions & { readonly dataDir: string };
  let [previous, present]: [ApiProcess, ApiProcess] = [undefined!, undefined!];
  let project: string;
  let watch: ReadinessWatch | undefined;
  /** Commands that the previous release was given before the upgrade, by what they are there for. */
  const before: Record<string, string> = {};

  beforeAll(async () => {
    release = await buildPreviousRelease();
    database = await createEmptyDatabase();
    const dataDir = await mkdtemp(join(tmpdir(), 'rdev-upgrade-'));
    options = { databaseUrl: database.url, dataDir, adminKey: newKey() };
    previous = await startApi({ ...options, release: release.tree });
    project = await createProject(previous.client);
  });
  afterAll(async () => {
    await watch?.stop();
    await present.stop();
    await previous.stop();
    await database.drop();
    await release.remove();
    await rm(options.dataDir, { recursive: true });
  });

  const both = (): HttpClient[] => [previous.client, present.client];
  const go = (...names: string[]) =>
    Promise.all(names.map((name) => writeFile(join(options.dataDir, 'projects', project, name), '')));
  const post = async (client: HttpClient, command: string | object): Promise<string> =>
    (await startCommand(client, project, command as string)).id;
  const is = (client: HttpClient, id: string, status: string) =>
    eventually(async () => (await client.get(`/v1/commands/${id}`)).body.status === status, 20_000);
  const statusOf = async (client: HttpClient, id: string): Promise<string> =>
    (await client.get(`/v1/commands/${id}`)).body.status;
  const linesOf = async (name: string): Promise<string[]> =>
    (await readFile(join(options.dataDir, 'projects', project, name), 'utf8')).trim().split('\n');

  async function follow(transcript: Transcript, client: HttpClient, id: string, untilBytes = Infinity): Promise<void> {
    const { lastEventId } = transcript;
    const stream = await client.sse(`/v1/commands/${id}/events`, lastEventId === undefined ? {} : { lastEventId });
    await transcript.read(stream, () => transcript.position.stdout >= untilBytes);
  }

  it('finds commands in every state', async () => {
    const { client } = previous;
    before.succeeded = await post(client, 'echo ok');
    before.failed = await post(client, 'exit 3');
    before.timed_out = await post(client, { script: 'sleep 60', timeoutSeconds: 1 });
    before.cancelled = await post(client, 'sleep 60');
    await is(client, before.cancelled, 'running');
    await client.post(`/v1/commands/${before.cancelled}/cancel`, { graceSeconds: 1 });
    for (const [status, id] of Object.entries(before)) expect((await ended(client, id)).status).toBe(status);
    before.cancelledByPresent = await post(client, { script: 'sleep 600', lock: 'one' });
    before.waiting = await post(client, { script: 'echo waiting >> ends', lock: 'one' });
    before.expired = await post(client, { script: 'exit', lock: 'one', queueTimeoutSeconds: 1 });
    before.resumed = await post(client, halves('resumed'));
    before.inherited = await post(client, halves('inherited'));
    for (const name of ['cancelledByPresent', 'resumed', 'inherited']) await is(client, before[name]!, 'running');
    expect((await ended(client, before.expired)).status).toBe('expired');
  });

  it('migrates as the job of the chart does: the previous release goes on', async () => {
    watch = new ReadinessWatch(previous);
    const { main } = await programOf();
    const [text] = await Promise.all([
      textOf(previous.client, project, 'echo meanwhile'),
      promisify(execFile)(process.execPath, [join(dirname(main), `migrate${extname(main)}`)], {
        env: { DATABASE_URL: database.url },
      }),
    ]);
    expect(text).toBe('meanwhile\n');
    expect(await textOf(previous.client, project, 'echo after')).toBe('after\n');
    present = await startApi(options);
  });

  it('shows what there was before', async () => {
    for (const id of Object.values(before)) {
      const [known, shown] = await Promise.all(both().map((client) => client.get(`/v1/commands/${id}`)));
      // It may say more.
      expect(shown!.body).toMatchObject(known!.body);
    }
    expect((await outputOf(present.client, before.succeeded!)).toString()).toBe('ok\n');
  });

  it('runs what either is given, once', async () => {
    const ids = await Promise.all(Array.from({ length: 12 }, (_, i) => post(both()[i % 2]!, `echo ${i} >> starts`)));
    for (const [i, id] of ids.entries()) expect((await ended(both()[(i + 1) % 2]!, id)).status).toBe('succeeded');
    expect((await linesOf('starts')).map(Number).sort((a, b) => a - b)).toEqual(ids.map((_, i) => i));
  });

  it('resumes at one a stream that was opened at the other', async () => {
    const id = await post(present.client, halves('back'));
    for (const [command, first, second] of [
      [before.resumed!, ...both()],
      [id, ...both().reverse()],
    ] as [string, HttpClient, HttpClient][]) {
      const transcript = new Transcript();
      await follow(transcript, first, command, 100);
      await go('resumed', 'back');
      await follow(transcript, second, command);
      expect(transcript.text()).toBe(TEXT);
      expect(transcript.end.status).toBe('succeeded');
    }
  });

  it('cancels at the new one what the other holds, and what waited for it runs', async () => {
    await present.client.post(`/v1/commands/${before.cancelledByPresent!}/cancel`, { graceSeconds: 1 });
    expect(await ended(present.client, before.cancelledByPresent!)).toMatchObject({
      status: 'cancelled',
      result: { killVerified: true },
    });
    expect((await ended(previous.client, before.waiting!)).status).toBe('succeeded');
  });

  it.each([
    [0, 1],
    [1, 0],
  ])('keeps the pause of a queue, and a new priority, between them (%d, %d)', async (by, to) => {
    const [one, other] = [both()[by]!, both()[to]!];
    const own = await createProject(one);
    expectStatus(await one.post(`/v1/projects/${own}/queue/pause`), 200);
    const { id } = await startCommand(other, own, 'echo ok');
    // Meanwhile others are admitted.
    expect(await textOf(other, project, 'echo ok')).toBe('ok\n');
    expectStatus(
      await one.request(
        'PATCH',
        `/v1/commands/${id}`,
        { priority: 'high' },
        { 'content-type': 'application/merge-patch+json' },
      ),
      200,
    );
    expect(await statusOf(one, id)).toBe('queued');
    expectStatus(await other.post(`/v1/projects/${own}/queue/resume`), 200);
    expect(await ended(one, id)).toMatchObject({ status: 'succeeded', priority: 'high' });
  });

  it.each([
    [0, 1],
    [1, 0],
  ])('knows at one the keys of the other, until they are revoked there (%d, %d)', async (by, to) => {
    const [one, other] = [both()[by]!, both()[to]!];
    const { body } = expectStatus(
      await one.post('/v1/keys', { name: 'mixed', scopes: ['commands:read'], projects: [project] }),
      201,
    );
    const limited = other.as(body.secret);
    expectStatus(await limited.get(`/v1/commands/${before.succeeded!}`), 200);
    expectStatus(await one.request('DELETE', `/v1/keys/${body.id}`), 204);
    await eventually(async () => (await limited.get('/v1/keys/self')).status === 401, REVOKED_WITHIN_MS);
  });

  it.each([
    [0, 1],
    [1, 0],
  ])('stops and deletes at one a project of the other (%d, %d)', async (by, to) => {
    const [one, other] = [both()[by]!, both()[to]!];
    const own = await createProject(one, { env: { A: 'b' } });
    expect(await textOf(other, own, 'echo $A')).toBe('b\n');
    const shows = (status: string) =>
      eventually(async () => (await one.get(`/v1/projects/${own}`)).body.status === status);
    expectStatus(await other.post(`/v1/projects/${own}/stop`), 202);
    await shows('stopped');
    const { id } = await startCommand(one, own, 'echo woken');
    expect((await ended(other, id)).status).toBe('succeeded');
    expectStatus(await other.request('DELETE', `/v1/projects/${own}`), 204);
    await eventually(async () => (await one.get(`/v1/projects/${own}`)).status === 404);
  });

  it.each([
    [0, 1],
    [1, 0],
  ])('creates once for an Idempotency-Key that was used at the other (%d, %d)', async (by, to) => {
    const headers = { 'idempotency-key': randomUUID() };
    const create = (client: HttpClient, script: string) =>
      client.post(`/v1/projects/${project}/commands`, { type: 'shell', script }, headers);
    const first = expectStatus(await create(both()[by]!, 'echo once'), 202);
    const again = expectStatus(await create(both()[to]!, 'echo once'), 202);
    expect(again.body.id).toBe(first.body.id);
    expect(again.headers['idempotency-replayed']).toBe('true');
    expectStatus(await create(both()[to]!, 'echo twice'), 422);
  });

  it.each([
    [0, 1],
    [1, 0],
  ])('shows at one the events of the other, also with its ticket (%d, %d)', async (by, to) => {
    const [one, other] = [both()[by]!, both()[to]!];
    const path = `/v1/projects/${project}/events`;
    const { ticket } = expectStatus(await other.post('/v1/stream-tickets', { path }), 201).body;
    const stream = await one.as(undefined).sse(`${path}?ticket=${ticket}`);
    const id = await post(other, 'exit');
    for await (const { data } of stream) if (JSON.stringify(data).includes(id) && data.type === 'command.ended') break;
    stream.drop();
  });

  it('has kept the previous one ready all the time', async () => {
    expect([...new Set(await watch?.stop())]).toEqual([]);
  });

  it('takes over what the previous one runs when that is killed', async () => {
    const transcript = new Transcript();
    await follow(transcript, previous.client, before.inherited!, 100);
    await previous.kill('SIGKILL');
    before.cancelledByPrevious = await post(present.client, 'sleep 600');
    before.bequeathed = await post(present.client, halves('bequeathed'));
    await is(present.client, before.bequeathed, 'running');
    await go('inherited');
    await follow(transcript, present.client, before.inherited!);
    expect(transcript.text()).toBe(TEXT);
  });

  it('lets the previous release start on the new schema, and cancel what the new one holds', async () => {
    await previous.start();
    await previous.client.post(`/v1/commands/${before.cancelledByPrevious!}/cancel`, { graceSeconds: 1 });
    expect(await ended(previous.client, before.cancelledByPrevious!)).toMatchObject({
      status: 'cancelled',
      result: { killVerified: true },
    });
  });

  it('hands over to the previous one when the new one is killed', async () => {
    const transcript = new Transcript();
    await follow(transcript, present.client, before.bequeathed!, 100);
    await present.kill('SIGKILL');
    await go('bequeathed');
    await follow(transcript, previous.client, before.bequeathed!);
    expect(transcript.text()).toBe(TEXT);
  });

  it('goes back: the new one stops, and the previous one brings all to its end, alone', async () => {
    await present.start();
    const given = await Promise.all(
      both().map(async (client, i) => [
        await post(client, { script: untilThere(`rollback-${i}`), lock: `lock-${i}` }),
        await post(client, { script: `echo behind-${i} >> ends`, lock: `lock-${i}` }),
      ]),
    );
    for (const [first] of given) await is(previous.client, first!, 'running');
    expect(await present.kill('SIGTERM')).toBe(0);
    const last = await post(previous.client, 'echo last');
    await go('rollback-0', 'rollback-1');
    for (const id of [...given.flat(), last]) expect((await ended(previous.client, id)).status).toBe('succeeded');
    const left = await rowsOf(
      database.url,
      `SELECT id, status FROM commands WHERE ended_at IS NULL UNION ALL SELECT command_id, 'in the queue' FROM queued_commands`,
    );
    expect(left).toEqual([]);
    const names = [
      'back',
      'behind-0',
      'behind-1',
      'bequeathed',
      'inherited',
      'resumed',
      'rollback-0',
      'rollback-1',
      'waiting',
    ];
    expect((await linesOf('ends')).sort()).toEqual(names);
  });

  it('goes on with the embedded database of the previous one, and gives it back', async () => {
    const dataDir = await mkdtemp(join(tmpdir(), 'rdev-upgrade-'));
    const embedded = { dataDir, adminKey: newKey(), env: { DATABASE_URL: undefined } };
    try {
      let id = '';
      for (const [i, run] of [{ release: release.tree }, {}, { release: release.tree }].entries()) {
        const api = await startApi({ ...embedded, ...run });
        try {
          if (i === 0) id = (await startCommand(api.client, await createProject(api.client), 'echo kept')).id;
          expect((await ended(api.client, id)).status).toBe('succeeded');
          expect((await outputOf(api.client, id)).toString()).toBe('kept\n');
        } finally {
          await api.stop();
        }
      }
    } finally {
      await rm(dataDir, { recursive: true, force: true });
    }
  });

  it('has neither of them complain', () => {
    for (const { logs } of [previous, present])
      expect(logs.split('\n').filter((line) => line.includes('"level":"error"'))).toEqual([]);
  });
});
