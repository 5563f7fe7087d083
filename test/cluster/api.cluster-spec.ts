import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { promisify } from 'node:util';
import {
  type ApiProcess,
  Transcript,
  ended,
  eventually,
  expectProblem,
  outputOf,
  runCommand,
  startApi,
  startCommand,
  textOf,
} from '../support/index.js';
import { gitWorkflow } from '../support/scenarios/git-workflow.js';
import { DerivedKubeconfigs } from './support/kubeconfig.js';
import { documentedServiceAccount } from './support/service-account.js';
import { TestNamespace, kubeconfigs } from './support/test-cluster.js';

jest.setTimeout(120_000);

const run = promisify(execFile);

const derived = new DerivedKubeconfigs();
let namespace: TestNamespace;
let token: string;

beforeAll(async () => {
  namespace = await TestNamespace.create();
  token = await documentedServiceAccount(namespace);
  await namespace.createStatefulSet('web');
  await namespace.ready('web-0');
});

afterAll(async () => {
  derived.remove();
  await namespace.remove();
});

describe.each(kubeconfigs())('the API on a cluster, with the documented role only, through $name', ({ path }) => {
  let api: ApiProcess;

  beforeAll(async () => {
    const env = {
      RDEV_RUNTIME: 'kubernetes',
      RDEV_NAMESPACE: namespace.name,
      KUBECONFIG: derived.withToken(path, token),
    };
    api = await startApi({ env });
    await eventually(async () => (await api.client.get('/v1/projects/web')).body?.status === 'running', 30_000);
  });
  afterAll(() => api.stop());

  test('discovers a StatefulSet that carries the label', async () => {
    const { body } = await api.client.get('/v1/projects/web');
    expect(body).toMatchObject({ runtime: 'kubernetes', pod: 'web-0', managed: false, stale: false, reason: null });
    expect(body.node).toEqual(expect.any(String));
    expect(body.image).toEqual(expect.any(String));
    const list = await api.client.get('/v1/projects?status=running&label=rdev.dev/project=web');
    expect(list.body.data).toEqual([expect.objectContaining({ id: 'web' })]);
    expectProblem(await api.client.get('/v1/projects/other'), 404, 'NOT_FOUND');
  });

  test('tells output and exit codes of every type', async () => {
    const shell = await runCommand(api.client, 'web', 'echo out; echo err >&2; exit 3');
    expect(shell).toMatchObject({ status: 'failed', result: { exitCode: 3, reason: 'exited', signal: null } });
    expect((await outputOf(api.client, shell.id)).toString()).toBe('out\n');
    expect((await outputOf(api.client, shell.id, 'stderr')).toString()).toBe('err\n');

    const argv = ['printf', '%s|', 'a b', "'", '"', '$(id)', 'new\nline', '', 'é'];
    expect(await textOf(api.client, 'web', { type: 'exec', argv })).toBe(
      argv
        .slice(2)
        .map((arg) => `${arg}|`)
        .join(''),
    );
    expect(await textOf(api.client, 'web', { type: 'git', args: ['--version'] })).toMatch(/^git version/);

    const missing = await runCommand(api.client, 'web', { type: 'exec', argv: ['no-such-program'] });
    expect(missing).toMatchObject({ status: 'failed', result: { exitCode: 127, reason: 'exited' } });
    const killed = await runCommand(api.client, 'web', 'kill -9 $$');
    expect(killed).toMatchObject({
      status: 'failed',
      result: { exitCode: null, signal: 'SIGKILL', reason: 'signaled' },
    });
    const exit137 = await runCommand(api.client, 'web', 'exit 137');
    expect(exit137).toMatchObject({ status: 'failed', result: { exitCode: 137, signal: null, reason: 'exited' } });
  });

  test('hands a command the environment of the container, and nothing of its own', async () => {
    const text = await textOf(api.client, 'web', { script: 'env', env: { MINE: 'yes' } });
    expect(text).toContain('MINE=yes\n');
    expect(text).toContain('KUBERNETES_SERVICE_HOST=');
    expect(text).toContain('CI=1\n');
    expect(text).not.toMatch(/DATABASE_URL|RDEV_ADMIN_KEY|KUBECONFIG|POSTGRES/);
  });

  test('writes to an open stdin, across a kill of the API, up to its end', async () => {
    const write = (id: string, body: object) => api.client.post(`/v1/commands/${id}/stdin`, body);
    const { id } = await startCommand(api.client, 'web', { script: 'cat', stdin: 'open' });
    expect((await write(id, { data: 'one\n' })).body).toEqual({ offset: 4 });
    const large = 'é'.repeat(300_000);
    expect((await write(id, { data: large, offset: 4 })).body).toEqual({ offset: 600_004 });
    await api.restart('SIGKILL');
    await eventually(async () => (await api.client.get('/v1/projects/web')).body?.status === 'running', 30_000);
    expect(expectProblem(await write(id, { data: large, offset: 4 }), 409, 'STDIN_OFFSET').offset).toBe(600_004);
    expect((await write(id, { data: 'end', eof: true })).body).toEqual({ offset: 600_007 });
    expect((await ended(api.client, id)).status).toBe('succeeded');
    expect((await outputOf(api.client, id)).toString()).toBe(`one\n${large}end`);
  });

  test('brings 50 MB whole, with flat memory', async () => {
    const script =
      'head -c 50000000 /dev/urandom > /tmp/blob; sha256sum < /tmp/blob | cut -c1-64 >&2; cat /tmp/blob; rm /tmp/blob';
    const { id } = await runCommand(api.client, 'web', script);
    const bytes = await outputOf(api.client, id);
    expect(bytes).toHaveLength(50_000_000);
    expect(createHash('sha256').update(bytes).digest('hex')).toBe(
      (await outputOf(api.client, id, 'stderr')).toString().trim(),
    );
  });

  test('takes a user through a day with a git repository', async () => {
    // The container's own directory, which need not be `/workspace`.
    const own = (await textOf(api.client, 'web', { script: 'pwd' })).trim();
    const workspace = join(own, 'day');
    /** Unpacks the repository in the pod, through the stdin of a command. */
    const urlOf = async (repository: string): Promise<string> => {
      const { stdout } = await run('sh', ['-c', 'tar -C "$1" -cz . | base64', 'sh', repository]);
      const script =
        'rm -rf /tmp/origin.git day && mkdir /tmp/origin.git day && base64 -d | tar -C /tmp/origin.git --no-same-owner -xz';
      await textOf(api.client, 'web', { script, stdin: { text: stdout } });
      return '/tmp/origin.git';
    };
    await gitWorkflow({ client: api.client, projectId: 'web', urlOf, workspace, place: { below: 'day/repository' } });
  });

  test('goes on with a command after kill -9 of the API, without starting it again', async () => {
    const script =
      'echo started >> /tmp/count-$RDEV_COMMAND_ID; for i in $(seq 1 60); do echo line $i; sleep 0.1; done; cat /tmp/count-$RDEV_COMMAND_ID >&2';
    const { id } = await startCommand(api.client, 'web', script);
    const transcript = new Transcript();
    await transcript.read(
      await api.client.sse(`/v1/commands/${id}/events`, { dropAfter: 8 }),
      ({ event }) => event === 'output',
    );
    await api.kill('SIGKILL');
    await api.start();
    const { lastEventId = '' } = transcript;
    await transcript.read(await api.client.sse(`/v1/commands/${id}/events`, { lastEventId }));
    expect(transcript.end).toMatchObject({ status: 'succeeded' });
    expect(transcript.text()).toBe(Array.from({ length: 60 }, (_, i) => `line ${i + 1}\n`).join(''));
    expect(transcript.text('stderr')).toBe('started\n');
  });

  test('cancels the whole tree and verifies it', async () => {
    const { id } = await startCommand(
      api.client,
      'web',
      'trap "" TERM; setsid sleep 1000 & echo ready; sleep 1000; sleep 1000',
    );
    await eventually(async () => (await outputOf(api.client, id)).length > 0);
    expect((await api.client.post(`/v1/commands/${id}/cancel`, { graceSeconds: 0 })).status).toBe(202);
    const command = await ended(api.client, id);
    expect(command).toMatchObject({
      status: 'cancelled',
      result: { reason: 'cancelled', killVerified: true, survivors: 0 },
    });
    expect(await textOf(api.client, 'web', 'ps -eo args | grep -c "[s]leep 1000" || true')).toBe('0\n');
  });

  test('says that a command is lost when its pod is deleted, and runs the next one in the new pod', async () => {
    const { id } = await startCommand(api.client, 'web', 'echo before; sleep 1000');
    await eventually(async () => (await outputOf(api.client, id)).length > 0);
    await namespace.deletePod('web-0');
    const command = await ended(api.client, id, 60);
    expect(command).toMatchObject({ status: 'lost', result: { exitCode: null, reason: 'pod_lost' } });
    expect((await outputOf(api.client, id)).toString()).toBe('before\n');
    await namespace.ready('web-0');
    await eventually(async () => (await api.client.get('/v1/projects/web')).body.status === 'running', 30_000);
    expect(await textOf(api.client, 'web', 'echo again')).toBe('again\n');
  });
});
