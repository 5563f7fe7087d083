import {
  type ApiProcess,
  Transcript,
  ended,
  eventually,
  expectStatus,
  outputOf,
  runCommand,
  startCommand,
  textOf,
} from '../support/index.js';
import { ProjectsSite } from './support/projects-api.js';
import { TEST_IMAGE } from './support/test-cluster.js';

jest.setTimeout(150_000);

const IDLE = 'sleep infinity';
/** Process 1 of `db`, which a command can end. */
const UNTIL_QUIT = 'rm -f /tmp/quit; until [ -e /tmp/quit ]; do sleep 0.1; done; exit 3';

describe('a command in a pod of several containers', () => {
  let site: ProjectsSite;
  let api: ApiProcess;

  beforeAll(async () => {
    site = await ProjectsSite.open();
    await site.namespace.apply(podOfSeveral(site.namespace.name));
    await site.namespace.ready('web');
    api = await site.startApi();
    await eventually(async () => (await api.client.get('/v1/projects/web')).body?.status === 'running', 60_000);
  });
  afterAll(async () => {
    await api.stop();
    await site.close();
  });

  const textIn = (container: string, script: string) => textOf(api.client, 'web', { script, container });
  const bytesOf = async (id: string) => (await outputOf(api.client, id)).toString();
  const hasWritten = (id: string, text: string) => eventually(async () => (await bytesOf(id)) === text, 20_000);

  test('runs in the one that it names, with its own files, variables and processes', async () => {
    for (const container of ['main', 'db']) {
      const { id } = await startCommand(api.client, 'web', { script: 'echo $WHO | tee /tmp/who', container });
      expect(await ended(api.client, id)).toMatchObject({ status: 'succeeded', container });
      expect(await bytesOf(id)).toBe(`${container}\n`);
    }
    expect(await textOf(api.client, 'web', 'cat /tmp/who')).toBe('main\n');
    expect(await textIn('db', 'cat /tmp/who')).toBe('db\n');
    expect(await textIn('db', 'tr "\\0" " " </proc/1/cmdline')).toContain('/tmp/quit');
  });

  test('runs in no container that the pod does not list, init containers included', async () => {
    for (const container of ['proxy', 'setup', 'none']) {
      expect(await runCommand(api.client, 'web', { script: 'echo $WHO', container })).toMatchObject({
        status: 'failed',
        container,
        startedAt: null,
        result: {
          reason: 'start_failed',
          detail: expect.stringContaining(
            `no container "${container}" that commands may run in. They may run in: main, db.`,
          ),
        },
      });
    }
  });

  test('gets stdin and signals there, and is cancelled with all that it started there', async () => {
    const child = '(trap "" USR1 TERM; exec setsid sleep 4321) &';
    const script = `trap "echo usr1" USR1; ${child} read -r line; echo "$line"; while :; do sleep 0.1; done`;
    const { id } = await startCommand(api.client, 'web', { script, container: 'db', stdin: 'open' });
    await eventually(async () => (await api.client.get(`/v1/commands/${id}`)).body.status === 'running', 20_000);
    expectStatus(await api.client.post(`/v1/commands/${id}/stdin`, { data: 'hello\n' }), 200);
    await hasWritten(id, 'hello\n');
    expectStatus(await api.client.post(`/v1/commands/${id}/signal`, { signal: 'USR1' }), 200);
    await hasWritten(id, 'hello\nusr1\n');
    const processes = () => textIn('db', 'cat /proc/[0-9]*/cmdline 2>/dev/null | tr "\\0" " "');
    expect(await processes()).toContain('sleep 4321');
    expectStatus(await api.client.post(`/v1/commands/${id}/cancel`, { graceSeconds: 1 }), 202);
    expect(await ended(api.client, id)).toMatchObject({
      status: 'cancelled',
      result: { killVerified: true, survivors: 0 },
    });
    expect(await processes()).not.toContain('sleep 4321');
  });

  test('is found again there after the API was killed', async () => {
    const script = 'echo before; until [ -e /tmp/go ]; do sleep 0.1; done; cat /tmp/who; echo after';
    const { id } = await startCommand(api.client, 'web', { script, container: 'db' });
    await hasWritten(id, 'before\n');
    await api.restart('SIGKILL');
    await textIn('db', 'touch /tmp/go');
    expect(await ended(api.client, id)).toMatchObject({ status: 'succeeded', container: 'db' });
    expect(await bytesOf(id)).toBe('before\ndb\nafter\n');
  });

  test('is lost when its own container ends, and no other command is', async () => {
    const script = 'echo before; until [ -e /tmp/on ]; do sleep 0.1; done; echo after';
    const [inMain, inDb] = await Promise.all(
      ['main', 'db'].map((container) => startCommand(api.client, 'web', { script, container })),
    );
    for (const { id } of [inMain, inDb]) await hasWritten(id, 'before\n');
    const transcript = new Transcript();
    const following = transcript.read(await api.client.sse(`/v1/commands/${inDb.id}/events`));
    await startCommand(api.client, 'web', { script: 'touch /tmp/quit', container: 'db' });
    await following;
    expect(transcript.end).toMatchObject({ status: 'lost', result: { reason: 'container_restarted' } });
    expect(transcript.end.result.detail).toContain('exit code 3');
    await textIn('main', 'touch /tmp/on');
    expect(await ended(api.client, inMain.id)).toMatchObject({ status: 'succeeded', container: 'main' });
    expect(await bytesOf(inMain.id)).toBe('before\nafter\n');
  });
});

/** `main` is the default and not the first; commands may also name `db`, and neither `proxy` nor `setup`. */
function podOfSeveral(namespace: string): object {
  const container = (name: string, script = IDLE) => ({
    name,
    image: TEST_IMAGE,
    imagePullPolicy: 'IfNotPresent',
    command: ['sh', '-c', script],
    env: [{ name: 'WHO', value: name }],
  });
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: {
      name: 'web',
      namespace,
      labels: { 'rdev.dev/project': 'web' },
      annotations: { 'rdev.dev/container': 'main', 'rdev.dev/containers': 'db, setup, none' },
    },
    spec: {
      terminationGracePeriodSeconds: 1,
      automountServiceAccountToken: false,
      initContainers: [container('setup', 'true')],
      containers: [container('proxy'), container('main'), container('db', UNTIL_QUIT)],
    },
  };
}
