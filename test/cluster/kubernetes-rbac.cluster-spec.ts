import { text } from 'node:stream/consumers';
import { AppsV1Api, CoreV1Api, V1Pod } from '@kubernetes/client-node';
import { Install } from '@app/kernel';
import { SystemClock } from '@app/kernel/testing';
import { call } from '@app/kubernetes/testing';
import { KubernetesClient, PodExec, PodInformer } from '@app/kubernetes';
import { ProjectDefaults } from '@app/projects';
import { KubernetesProjectRuntime, aProject, volumeClaimOf } from '@app/projects/testing';
import { DerivedKubeconfigs } from './support/kubeconfig.js';
import { documentedRules, documentedServiceAccount, serviceAccountWithout } from './support/service-account.js';
import { TestNamespace, kubeconfigs } from './support/test-cluster.js';
import { until } from './support/until.js';

const derived = new DerivedKubeconfigs();
let namespace: TestNamespace;
let token: string;

beforeAll(async () => {
  namespace = await TestNamespace.create();
  token = await documentedServiceAccount(namespace);
  await namespace.createPod('work', { 'rdev.dev/project': 'work' });
}, 120_000);

afterAll(async () => {
  derived.remove();
  await namespace.remove();
});

describe.each(kubeconfigs())('the documented role, through $name', ({ path }) => {
  let client: KubernetesClient;

  beforeAll(async () => {
    const kubeconfigPath = derived.withToken(path, token);
    client = await KubernetesClient.open({ mode: 'kubeconfig', kubeconfigPath, namespace: namespace.name });
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
    ['read secrets', () => call(client, CoreV1Api, (core) => core.listNamespacedSecret(inNamespace()))],
    ['read deployments', () => call(client, AppsV1Api, (apps) => apps.listNamespacedDeployment(inNamespace()))],
    [
      'read logs',
      () => call(client, CoreV1Api, (core) => core.readNamespacedPodLog({ name: 'work', ...inNamespace() })),
    ],
    [
      'create pods',
      () => call(client, CoreV1Api, (core) => core.createNamespacedPod({ body: new V1Pod(), ...inNamespace() })),
    ],
    [
      'delete pods',
      () => call(client, CoreV1Api, (core) => core.deleteNamespacedPod({ name: 'work', ...inNamespace() })),
    ],
    [
      'see pods elsewhere',
      () => call(client, CoreV1Api, (core) => core.listNamespacedPod({ namespace: 'kube-system' })),
    ],
    ['see namespaces', () => call(client, CoreV1Api, (core) => core.listNamespace())],
  ];

  test.each(refused)('does not let rdev %s', async (_what, attempt) => {
    await expect(attempt()).rejects.toMatchObject({ name: 'KubernetesApiError', status: 403, reason: 'Forbidden' });
  });

  test('does not let anybody in with a wrong token', async () => {
    const kubeconfigPath = derived.withToken(path, `${token}x`);
    const wrong = await KubernetesClient.open({ mode: 'kubeconfig', kubeconfigPath, namespace: namespace.name });
    await expect(wrong.reachable()).rejects.toMatchObject({ code: 'CLUSTER_UNAVAILABLE', cause: { status: 401 } });
    wrong.close();
  });
});

/** The informer lists again after a watch that was refused, so only a watch itself tells. */
async function assertCanWatch({ transport }: KubernetesClient): Promise<void> {
  const path = `/api/v1/namespaces/${namespace.name}/pods?watch=true&timeoutSeconds=1`;
  const answer = await transport.send({ path, signal: AbortSignal.timeout(10_000) });
  answer.destroy();
  if (answer.statusCode !== 200) throw new Error('The pods cannot be watched.');
}

/** Does with a service account all that rdev does in a cluster; throws at the first refusal. */
async function exercise(saToken: string): Promise<void> {
  const kubeconfigPath = derived.withToken(kubeconfigs().at(-1)?.path ?? '', saToken);
  const client = await KubernetesClient.open({ mode: 'kubeconfig', kubeconfigPath, namespace: namespace.name });
  const informer = new PodInformer(client);
  try {
    await client.reachable();
    informer.start();
    await informer.whenSynced();
    await assertCanWatch(client);
    const target = { namespace: namespace.name, pod: 'work', container: 'main' };
    const channel = await new PodExec(client).openChannel(target, ['true']);
    await channel.ended;

    const resources = { requests: { cpu: '1m' }, limits: { cpu: '10m', memory: '16Mi' } };
    const defaults = new ProjectDefaults(
      'registry.invalid/none:1',
      { size: '1Mi', className: null },
      resources,
      [],
      true,
    );
    const runtime = new KubernetesProjectRuntime(
      informer,
      client,
      defaults,
      new SystemClock(),
      new Install('cluster-tests'),
    );
    const { signal } = new AbortController();
    // Wanted for a while already, so that the events are asked why it is not there.
    const project = aProject({ changedAt: new Date(Date.now() - 60_000) });
    // Left by a release that gave no identity.
    const { metadata, ...volume } = volumeClaimOf(project, defaults, '');
    const path = `/api/v1/namespaces/${namespace.name}/persistentvolumeclaims`;
    await client.create(path, { ...volume, metadata: { name: metadata?.name } });
    for (const wanted of [project, { ...project, desired: 'stopped' as const }, { ...project, keepStorage: true }]) {
      const { reason } = await runtime.reconcile(wanted, signal);
      if (reason?.includes('not allowed')) throw new Error(reason);
    }
    await until(
      'all is removed',
      async () => {
        if (await runtime.remove(project, signal)) return true;
        await namespace.hurryPod(`rdev-${project.id}-0`);
        return false;
      },
      60_000,
    );
  } finally {
    await informer.stop();
    client.close();
  }
}

describe('the rules of the documented role', () => {
  test('are enough, and none of their verbs is one too many', async () => {
    await exercise(token);
    for (const { resources, verbs } of documentedRules(namespace)) {
      for (const verb of verbs) {
        // Servers before 1.35 do not ask for it, as a WebSocket is opened by a GET.
        if (resources[0] === 'pods/exec' && verb === 'create') continue;
        const isLeftOut = (rule: { resources: readonly string[] }, other: string) =>
          rule.resources[0] === resources[0] && other === verb;
        const attempt = exercise(await serviceAccountWithout(namespace, isLeftOut)).then(
          () => 'it was not needed',
          () => 'refused',
        );
        expect([resources[0], verb, await attempt]).toEqual([resources[0], verb, 'refused']);
      }
    }
  }, 120_000);
});
