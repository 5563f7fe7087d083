import { KubernetesClient, PodExec } from '@app/kubernetes';
import { describeSupervisor } from '@app/supervisor/testing';
import { TestNamespace, kubeconfigs } from './support/test-cluster.js';

jest.setTimeout(60_000);

let namespace: TestNamespace;
const clients: KubernetesClient[] = [];

beforeAll(async () => {
  namespace = await TestNamespace.create();
  await namespace.createPod('work');
});

afterAll(async () => {
  for (const client of clients) client.close();
  await namespace.remove();
});

for (const { name, path } of kubeconfigs()) {
  describeSupervisor(`in a pod, through ${name}`, () => {
    const client = new KubernetesClient({ mode: 'kubeconfig', kubeconfigPath: path, namespace: namespace.name });
    clients.push(client);
    const target = { namespace: namespace.name, pod: 'work', container: 'main' };
    return { open: new PodExec(client).channelTo(target), spoolDir: `/tmp/rdev-${name}` };
  });
}
