import { KubernetesClient, type ObservedPod, PodInformer } from '@app/kubernetes';
import { DerivedKubeconfigs, addressOf } from './support/kubeconfig.js';
import { TcpProxy } from './support/tcp-proxy.js';
import { TestNamespace, kubeconfigs } from './support/test-cluster.js';
import { until } from './support/until.js';

/** The API server's own view may be this much ahead of ours. */
const LAG_MS = 2_000;

const derived = new DerivedKubeconfigs();
let namespace: TestNamespace;
let proxy: TcpProxy;
let client: KubernetesClient;
let informer: PodInformer;

beforeAll(async () => {
  namespace = await TestNamespace.create();
  const [first] = kubeconfigs();
  proxy = await TcpProxy.start(addressOf(first!.path));
  const kubeconfigPath = derived.through(first!.path, proxy.port);
  client = await KubernetesClient.open({ mode: 'kubeconfig', kubeconfigPath, namespace: namespace.name });
  informer = new PodInformer(client, { watchSeconds: 5 });
  informer.start();
  await informer.whenSynced();
}, 60_000);

afterAll(async () => {
  await informer.stop();
  client.close();
  await proxy.stop();
  derived.remove();
  await namespace.remove();
});

const seen = (project: string) => informer.list().find((pod) => pod.project === project) ?? null;
const follows = (what: string, condition: () => ObservedPod | boolean | null) => until(what, condition, LAG_MS);

describe('PodInformer on a cluster', () => {
  test('shows a project within two seconds of the cluster, and its pod when it is made anew', async () => {
    await namespace.createStatefulSet('work');
    const truth = await namespace.ready('work-0');
    const pod = (await follows('work runs', () => (seen('work')?.ready ? seen('work') : null))) as ObservedPod;
    expect(pod).toMatchObject({
      uid: truth.metadata?.uid,
      name: 'work-0',
      status: 'running',
      reason: null,
      container: 'main',
      node: truth.spec?.nodeName,
      ownerKind: 'StatefulSet',
      ownerName: 'work',
      containers: [
        { name: 'main', running: true, ready: true, containerId: truth.status?.containerStatuses?.[0]?.containerID },
      ],
    });

    await namespace.deletePod('work-0');
    await follows('the deletion is seen', () => informer.get(pod.uid)?.status !== 'running');
    await until('a new pod', async () => {
      const uid = (await namespace.pod('work-0'))?.metadata?.uid;
      return uid !== undefined && uid !== pod.uid;
    });
    const anew = await namespace.ready('work-0');
    await follows('the new pod runs', () => informer.get(anew.metadata?.uid ?? '')?.ready ?? false);
    expect(informer.get(pod.uid)).toBeNull();
  }, 60_000);

  test('says in words why a pod does not come up', async () => {
    const labels = (project: string) => ({ 'rdev.dev/project': project });
    const never = { name: 'main', image: 'registry.invalid/none:1', imagePullPolicy: 'Never' };
    await namespace.startPod('no-image', labels('no-image'), { containers: [never] });
    await namespace.startPod('no-node', labels('no-node'), { nodeSelector: { 'rdev.dev/none': 'x' } });
    await until('no image', () => seen('no-image')?.status === 'failed');
    expect(seen('no-image')?.reason).toMatch(/^the image is not on the node/);
    await until('no node', () => seen('no-node')?.reason?.startsWith('Unschedulable: ') ?? false);
    expect(seen('no-node')?.status).toBe('pending');
  }, 30_000);

  test('leaves pods without the label alone', async () => {
    await namespace.createPod('other');
    await namespace.createPod('ours', { 'rdev.dev/project': 'ours' });
    await follows('ours is seen', () => seen('ours'));
    expect(informer.list().map(({ name }) => name)).not.toContain('other');
  }, 30_000);

  test('catches up after the way to the API was cut, closed and dead', async () => {
    proxy.cut();
    await namespace.startPod('after-cut', { 'rdev.dev/project': 'after-cut' });
    await follows('the first pod is seen', () => seen('after-cut'));

    proxy.close();
    await until('stale', () => informer.state.staleSince !== null);
    await namespace.startPod('after-close', { 'rdev.dev/project': 'after-close' });
    proxy.restore();
    await until('the second pod is seen', () => seen('after-close'), 7_000);
    expect(informer.state.staleSince).toBeNull();

    proxy.freeze();
    await namespace.startPod('after-freeze', { 'rdev.dev/project': 'after-freeze' });
    // A dead watch is known by its promised end.
    await until('the third pod is seen', () => seen('after-freeze'), 15_000);
  }, 40_000);
});
