import { text } from 'node:stream/consumers';
import { AppsV1Api, CoreV1Api, V1Pod } from '@kubernetes/client-node';
import { KubernetesClient, PodExec, PodInformer } from '@app/kubernetes';
import { DerivedKubeconfigs } from './support/kubeconfig.js';
import { documentedServiceAccount } from './support/service-account.js';
import { TestNamespace, kubeconfigs } from './support/test-cluster.js';
import { until } from './support/until.js';

const derived = new DerivedKubeconfigs();
let namespace: TestNamespace;
let token: string;

beforeAll(async () => {
  namespace = await TestNamespace.create();
  token = await documentedServiceAccount(namespace);
  await namespace.createPod('work', { 'rdev.dev/project': 'work' });
}, 60_000);

afterAll(async () => {
  derived.remove();
  await namespace.remove();
});

describe.each(kubeconfigs())('the documented role, through $name', ({ path }) => {
  let client: KubernetesClient;

  beforeAll(() => {
    const kubeconfigPath = derived.withToken(path, token);
    client = new KubernetesClient({ mode: 'kubeconfig', kubeconfigPath, namespace: namespace.name });
  });
  afterAll(() => client.close());

  test('suffices to be ready, to follow pods and to enter them', async () => {
    await client.reachable();
    const informer = new PodInformer(client);
    informer.start();
    await until('the pod is seen', () => informer.list().some(({ project }) => project === 'work'));
    await informer.stop();
    const target = { namespace: namespace.name, pod: 'work', container: 'main' };
    const channel = await new PodExec(client).openChannel(target, ['echo', 'in']);
    expect(await text(channel.stdout)).toBe('in\n');
    expect(await channel.ended).toEqual({ kind: 'exited', code: 0 });
  });

  const inNamespace = () => ({ namespace: namespace.name });
  const refused: [string, () => Promise<unknown>][] = [
    ['read secrets', () => client.call(CoreV1Api, (core) => core.listNamespacedSecret(inNamespace()))],
    ['read deployments', () => client.call(AppsV1Api, (apps) => apps.listNamespacedDeployment(inNamespace()))],
    [
      'read logs',
      () => client.call(CoreV1Api, (core) => core.readNamespacedPodLog({ name: 'work', ...inNamespace() })),
    ],
    [
      'create pods',
      () => client.call(CoreV1Api, (core) => core.createNamespacedPod({ body: new V1Pod(), ...inNamespace() })),
    ],
    [
      'delete pods',
      () => client.call(CoreV1Api, (core) => core.deleteNamespacedPod({ name: 'work', ...inNamespace() })),
    ],
    [
      'see pods elsewhere',
      () => client.call(CoreV1Api, (core) => core.listNamespacedPod({ namespace: 'kube-system' })),
    ],
    ['see namespaces', () => client.call(CoreV1Api, (core) => core.listNamespace())],
  ];

  test.each(refused)('does not let rdev %s', async (_what, attempt) => {
    await expect(attempt()).rejects.toMatchObject({ name: 'KubernetesApiError', status: 403, reason: 'Forbidden' });
  });

  test('does not let anybody in with a wrong token', async () => {
    const kubeconfigPath = derived.withToken(path, `${token}x`);
    const wrong = new KubernetesClient({ mode: 'kubeconfig', kubeconfigPath, namespace: namespace.name });
    await expect(wrong.reachable()).rejects.toMatchObject({ code: 'CLUSTER_UNAVAILABLE', cause: { status: 401 } });
    wrong.close();
  });
});
