import { text } from 'node:stream/consumers';
import { type ExecTarget, KubernetesClient, PodExec } from '@app/kubernetes';
import { DerivedKubeconfigs, addressOf } from './support/kubeconfig.js';
import { TcpProxy } from './support/tcp-proxy.js';
import { TestNamespace, kubeconfigs } from './support/test-cluster.js';
import { until } from './support/until.js';

const PING_MS = 500;
const derived = new DerivedKubeconfigs();
let namespace: TestNamespace;
let target: ExecTarget;

beforeAll(async () => {
  namespace = await TestNamespace.create();
  await namespace.createPod('work');
  target = { namespace: namespace.name, pod: 'work', container: 'main' };
}, 60_000);

afterAll(async () => {
  derived.remove();
  await namespace.remove();
});

describe.each(kubeconfigs())('an exec that is cut off, through $name', ({ name, path }) => {
  let proxy: TcpProxy;
  let client: KubernetesClient;
  let exec: PodExec;

  beforeAll(async () => {
    proxy = await TcpProxy.start(addressOf(path));
    const kubeconfigPath = derived.through(path, proxy.port);
    client = await KubernetesClient.open({ mode: 'kubeconfig', kubeconfigPath, namespace: namespace.name });
    exec = new PodExec(client, { pingIntervalMs: PING_MS });
  });
  afterAll(async () => {
    client.close();
    await proxy.stop();
  });

  const sh = (script: string, on = target) => exec.openChannel(on, ['sh', '-c', script]);
  /** How a channel ended, and how long that took from now. */
  async function timed(ended: Promise<{ kind: string }>) {
    const from = Date.now();
    return { kind: (await ended).kind, ms: Date.now() - from };
  }

  test('is dropped at once when the front breaks, and keeps what came', async () => {
    const channel = await sh('echo before; sleep 60');
    await new Promise((resolve) => channel.stdout.once('readable', resolve));
    const end = timed(channel.ended);
    proxy.cut();
    expect((await end).kind).toBe('dropped');
    expect((await end).ms).toBeLessThan(PING_MS);
    expect(await text(channel.stdout)).toBe('before\n');
  });

  test('is dropped within three intervals of pings when the front goes dead without a word', async () => {
    const channel = await sh('sleep 60');
    proxy.freeze();
    const { kind, ms } = await timed(channel.ended);
    expect(kind).toBe('dropped');
    // What a busy machine takes to notice comes on top.
    expect(ms).toBeLessThan(3 * PING_MS + 2_000);
    proxy.cut();
  });

  test('leaves the program alone: only the wire is gone', async () => {
    const mark = `alive-${String(Date.now())}`;
    const channel = await sh(`while :; do touch /tmp/${mark}; sleep 0.1; done`);
    const seen = async () =>
      (await (await sh(`rm /tmp/${mark} 2>/dev/null; echo $?`)).stdout.toArray()).join('') === '0\n';
    await until('the program runs', seen);
    channel.destroy();
    await until('the program still runs', seen);
    await until('the program runs on', seen);
    expect((await channel.ended).kind).toBe('dropped');
  });

  test('ends, and never with a success, when its pod is deleted', async () => {
    const doomed = `doomed-${name.toLowerCase().replaceAll('_', '-')}`;
    await namespace.createPod(doomed);
    const channel = await sh('echo up; sleep 60', { ...target, pod: doomed });
    await new Promise((resolve) => channel.stdout.once('readable', resolve));
    await namespace.deletePod(doomed, 1);
    const end = await channel.ended;
    // The container's end looks like a plain SIGKILL; a broken link on the way may hide even that.
    if (end.kind === 'exited') expect(end.code).toBe(137);
  }, 30_000);
});
