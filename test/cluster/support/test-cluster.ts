import { randomBytes } from 'node:crypto';
import { CoreV1Api, type KubernetesObject, KubernetesObjectApi, type V1Pod } from '@kubernetes/client-node';
import { call } from '@app/kubernetes/testing';
import { KubernetesApiError, KubernetesClient } from '@app/kubernetes';
import { until } from './until.js';

/** An image with sh, coreutils and sleep. Set CLUSTER_TEST_IMAGE where the nodes cannot pull the default. */
export const TEST_IMAGE = process.env.CLUSTER_TEST_IMAGE ?? 'debian:12-slim';

/** A pod takes seconds, and on a machine that is busy with other suites much longer. */
const READY_MS = 90_000;

/** The clusters to test against: KUBECONFIG, and KUBECONFIG_V5 for a way in that speaks another exec protocol. */
export function kubeconfigs(): { name: string; path: string }[] {
  const { KUBECONFIG, KUBECONFIG_V5 } = process.env;
  if (!KUBECONFIG) throw new Error('Set KUBECONFIG to a cluster that is for tests: namespaces are made and deleted.');
  const first = { name: 'KUBECONFIG', path: KUBECONFIG };
  return KUBECONFIG_V5 ? [first, { name: 'KUBECONFIG_V5', path: KUBECONFIG_V5 }] : [first];
}

/** A namespace of one test run, with the administrator's client. */
export class TestNamespace {
  private constructor(
    readonly name: string,
    readonly client: KubernetesClient,
  ) {}

  static async create(): Promise<TestNamespace> {
    const name = `rdev-test-${randomBytes(4).toString('hex')}`;
    const [first] = kubeconfigs();
    const client = await KubernetesClient.open({
      mode: 'kubeconfig',
      kubeconfigPath: first?.path ?? '',
      namespace: name,
    });
    const namespace = new TestNamespace(name, client);
    await namespace.apply({ apiVersion: 'v1', kind: 'Namespace', metadata: { name } });
    return namespace;
  }

  /** Creates an object; one that exists stays as it is. */
  async apply(object: object): Promise<void> {
    try {
      await call(this.client, KubernetesObjectApi, (api) => api.create(object as KubernetesObject));
    } catch (error) {
      if (!(error instanceof KubernetesApiError) || error.reason !== 'AlreadyExists') throw error;
    }
  }

  /** A pod whose one container, `main`, waits. Resolves when it is ready. */
  async createPod(name: string, labels: Record<string, string> = {}, spec: object = {}): Promise<V1Pod> {
    await this.startPod(name, labels, spec);
    return this.ready(name);
  }

  /** A project whose one container runs a script as process 1, and has the volume `/shared`, which outlives it. */
  async createScriptedPod(name: string, script: string, { container = {}, emptyDir = {} } = {}): Promise<V1Pod> {
    const { containers } = podSpec();
    const volumeMounts = [{ name: 'shared', mountPath: '/shared' }];
    const main = { ...containers[0], command: ['sh', '-c', script], volumeMounts, ...container };
    const spec = { containers: [main], volumes: [{ name: 'shared', emptyDir }] };
    return this.createPod(name, { 'rdev.dev/project': name }, spec);
  }

  /** The same, without waiting; `spec` is laid over that of the waiting pod. */
  async startPod(name: string, labels: Record<string, string>, spec: object = {}): Promise<void> {
    const metadata = { name, namespace: this.name, labels };
    await this.apply({ apiVersion: 'v1', kind: 'Pod', metadata, spec: { ...podSpec(), ...spec } });
  }

  /** A StatefulSet of one pod, `<name>-0`, that is a project. */
  async createStatefulSet(name: string): Promise<void> {
    const labels = { 'rdev.dev/project': name };
    await this.apply({
      apiVersion: 'apps/v1',
      kind: 'StatefulSet',
      metadata: { name, namespace: this.name },
      spec: {
        serviceName: name,
        selector: { matchLabels: labels },
        template: { metadata: { labels }, spec: podSpec() },
      },
    });
  }

  async ready(name: string): Promise<V1Pod> {
    return until(
      `pod ${name} is ready`,
      async () => {
        const pod = await this.pod(name);
        // One that is being deleted says so beside its conditions, which stay as they were.
        if (pod?.metadata?.deletionTimestamp) return null;
        return pod?.status?.conditions?.some(({ type, status }) => type === 'Ready' && status === 'True') ? pod : null;
      },
      READY_MS,
    );
  }

  async pod(name: string): Promise<V1Pod | null> {
    try {
      return await call(this.client, CoreV1Api, (core) => core.readNamespacedPod({ name, namespace: this.name }));
    } catch (error) {
      if (error instanceof KubernetesApiError && error.status === 404) return null;
      throw error;
    }
  }

  async deletePod(name: string, gracePeriodSeconds = 0): Promise<void> {
    await call(this.client, CoreV1Api, (core) =>
      core.deleteNamespacedPod({ name, namespace: this.name, gracePeriodSeconds }),
    );
  }

  /** Ends the wait for a kubelet that collects a deleted pod only after a while; does nothing unless it was deleted. */
  async hurryPod(name: string): Promise<void> {
    const pod = await this.pod(name);
    if (pod?.metadata?.deletionTimestamp) await this.deletePod(name).catch(() => undefined);
  }

  /** Removes everything, without waiting for containers to end well. */
  async remove(): Promise<void> {
    const { name, client } = this;
    await call(client, CoreV1Api, (core) => core.deleteNamespace({ name, gracePeriodSeconds: 0 }));
    await call(client, CoreV1Api, (core) =>
      core.deleteCollectionNamespacedPod({ namespace: name, gracePeriodSeconds: 0 }),
    );
    client.close();
  }
}

function podSpec() {
  return {
    terminationGracePeriodSeconds: 1,
    automountServiceAccountToken: false,
    containers: [{ name: 'main', image: TEST_IMAGE, imagePullPolicy: 'IfNotPresent', command: ['sleep', 'infinity'] }],
  };
}
