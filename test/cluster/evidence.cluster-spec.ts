import {
  type ApiProcess,
  type ApiOptions,
  Transcript,
  ended,
  eventually,
  startApi,
  startCommand,
  textOf,
} from '../support/index.js';
import { DerivedKubeconfigs, addressOf } from './support/kubeconfig.js';
import { TcpProxy } from './support/tcp-proxy.js';
import { TestNamespace, kubeconfigs } from './support/test-cluster.js';

jest.setTimeout(150_000);

/** Notes each start where a new container of the pod would find it. */
const NOTED = 'echo start >> /shared/starts; echo before';
const IDLE = 'sleep infinity';

describe('a command that can have no exit record', () => {
  const derived = new DerivedKubeconfigs();
  const kubeconfig = kubeconfigs()[0]!.path;
  let namespace: TestNamespace;
  let api: ApiProcess;

  beforeAll(async () => {
    namespace = await TestNamespace.create();
    api = await start(kubeconfig);
  });
  afterAll(async () => {
    await api.stop();
    derived.remove();
    await namespace.remove();
  });

  const start = (path: string, env: ApiOptions['env'] = {}): Promise<ApiProcess> =>
    startApi({ env: { RDEV_RUNTIME: 'kubernetes', RDEV_NAMESPACE: namespace.name, KUBECONFIG: path, ...env } });
  const statusOf = async (id: string, from = api) => (await from.client.get(`/v1/commands/${id}`)).body;
  const isRunning = (project: string, from = api) =>
    eventually(async () => (await from.client.get(`/v1/projects/${project}`)).body?.status === 'running', 60_000);

  /** Runs a command until it has written, lets it happen, and reads on to the end. */
  async function ending(project: string, script: string, happen: () => Promise<unknown> = async () => undefined) {
    await isRunning(project);
    const { id } = await startCommand(api.client, project, script);
    const transcript = new Transcript();
    const following = transcript.read(await api.client.sse(`/v1/commands/${id}/events`));
    await eventually(() => transcript.text() === 'before\n', 20_000);
    await happen();
    await following;
    expect(transcript.text()).toBe('before\n');
    expect((await statusOf(id)).result).toEqual(transcript.end.result);
    return transcript.end;
  }

  it.each([
    ['with a grace', 2],
    ['by force', 0],
  ])('is lost with its pod, which was deleted %s', async (_how, graceSeconds) => {
    const name = `deleted-${graceSeconds}`;
    await namespace.createScriptedPod(name, IDLE);
    const end = await ending(name, 'echo before; sleep 600', () => namespace.deletePod(name, graceSeconds));
    expect(end).toMatchObject({ status: 'lost', result: { reason: 'pod_lost', exitCode: null, signal: null } });
    expect(end.result.detail).toMatch(/deleted|gone/);
  });

  it('is lost with its pod when another one takes the name, and is not started there', async () => {
    await namespace.createScriptedPod('twin', IDLE);
    const replace = async (): Promise<void> => {
      await namespace.deletePod('twin');
      await eventually(async () => (await namespace.pod('twin')) === null, 30_000);
      await namespace.createScriptedPod('twin', IDLE);
    };
    const end = await ending('twin', `${NOTED}; sleep 600`, replace);
    expect(end).toMatchObject({ status: 'lost', result: { reason: 'pod_lost' } });
    await isRunning('twin');
    expect(await textOf(api.client, 'twin', 'ls /shared')).toBe('');
  });

  it('is lost when its container ends, and is not started in the one that follows', async () => {
    await namespace.createScriptedPod('restarted', 'until [ -e /tmp/quit ]; do sleep 0.1; done; exit 3');
    const end = await ending('restarted', `${NOTED}; sleep 600`, () =>
      startCommand(api.client, 'restarted', 'touch /tmp/quit'),
    );
    expect(end).toMatchObject({ status: 'lost', result: { reason: 'container_restarted' } });
    expect(end.result.detail).toContain('exit code 3');
    await isRunning('restarted');
    expect(await textOf(api.client, 'restarted', 'cat /shared/starts')).toBe('start\n');
  });

  it('is lost when its container runs out of memory', async () => {
    // Process 1 takes the memory, as the kernel would kill anything else without ending the container.
    const script = 'until [ -e /tmp/eat ]; do sleep 0.1; done; x=$(head -c 300000000 /dev/zero | tr "\\0" x)';
    await namespace.createScriptedPod('greedy', script, { container: { resources: { limits: { memory: '64Mi' } } } });
    const end = await ending('greedy', 'echo before; sleep 600', () =>
      startCommand(api.client, 'greedy', 'touch /tmp/eat'),
    );
    expect(end).toMatchObject({ status: 'lost', result: { reason: 'oom_killed' } });
    expect(end.result.detail).toContain('OOMKilled');
  });

  it('is lost when its pod is evicted', async () => {
    await namespace.createScriptedPod('hoarder', IDLE, { emptyDir: { sizeLimit: '1Mi' } });
    const end = await ending('hoarder', 'head -c 20000000 /dev/zero > /shared/much; echo before; sleep 600');
    expect(end).toMatchObject({ status: 'lost', result: { reason: 'evicted' } });
    expect(end.result.detail).toMatch(/evict/i);
  });

  describe('while nothing answers', () => {
    let proxy: TcpProxy;
    let cutOff: ApiProcess;

    beforeEach(async () => {
      proxy = await TcpProxy.start(addressOf(kubeconfig));
    });
    afterEach(async () => {
      await cutOff.stop();
      await proxy.stop();
    });

    it('says since when, keeps its slot and lock, and ends true when it is reached again', async () => {
      await namespace.createScriptedPod('away', IDLE);
      cutOff = await start(derived.through(kubeconfig, proxy.port));
      await isRunning('away', cutOff);
      const script = 'echo before; until [ -e /shared/go ]; do sleep 0.1; done; echo after';
      const { id } = await startCommand(cutOff.client, 'away', { script, lock: 'one' });
      const next = await startCommand(cutOff.client, 'away', { script: 'echo next', lock: 'one' });
      await eventually(async () => (await statusOf(id, cutOff)).status === 'running');
      proxy.close();
      const silent = await eventually(async () => {
        const command = await statusOf(id, cutOff);
        return command.unreachableSince !== null && command;
      }, 30_000);
      expect(silent).toMatchObject({ status: 'running', result: null });
      // By another way: it goes on and writes while nobody can see it.
      await textOf(api.client, 'away', 'touch /shared/go; sleep 0.5');
      expect((await statusOf(next.id, cutOff)).status).toBe('queued');
      proxy.restore();
      expect(await ended(cutOff.client, id)).toMatchObject({ status: 'succeeded', unreachableSince: null });
      const text = (await cutOff.client.bytes(`/v1/commands/${id}/output`)).bytes.toString();
      expect(text).toBe('before\nafter\n');
      expect((await ended(cutOff.client, next.id)).status).toBe('succeeded');
    });

    it('is lost when patience is over', async () => {
      await namespace.createScriptedPod('gone', IDLE);
      cutOff = await start(derived.through(kubeconfig, proxy.port), { RDEV_LOST_AFTER_SECONDS: '5' });
      await isRunning('gone', cutOff);
      const { id } = await startCommand(cutOff.client, 'gone', 'echo before; sleep 600');
      await eventually(async () => (await statusOf(id, cutOff)).status === 'running');
      proxy.close();
      const { status, result } = await ended(cutOff.client, id, 60);
      expect({ status, reason: result.reason }).toEqual({ status: 'lost', reason: 'unknown' });
      expect(result.detail).toMatch(/^For 5 s: /);
    });
  });
});
