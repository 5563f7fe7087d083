import { KubernetesClient, PodExec } from '@app/kubernetes';
import { describeSupervisor } from '@app/supervisor/testing';
import { TestNamespace, kubeconfigs } from './support/test-cluster.js';

let namespace: TestNamespace;
let client: KubernetesClient;

beforeAll(async () => {
  namespace = await TestNamespace.create();
  // Process 1 is a sleep, which reaps nothing: zombies stay.
  await namespace.createPod('work');
});

afterAll(async () => {
  client.close();
  await namespace.remove();
});

// One way in is enough: the exec tests show that the others carry the same bytes, and this takes a minute.
describeSupervisor('in a pod', async () => {
  const kubeconfigPath = kubeconfigs()[0]!.path;
  client = await KubernetesClient.open({ mode: 'kubeconfig', kubeconfigPath, namespace: namespace.name });
  const open = new PodExec(client).channelTo({ namespace: namespace.name, pod: 'work', container: 'main' });
  return { open, spoolDir: '/tmp/rdev-contract' };
});
