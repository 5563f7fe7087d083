import { describeCommandExecutor } from '@app/execution/testing';
import { KubernetesCommandExecutor } from '@app/execution';
import { PodExec, PodInformer } from '@app/kubernetes';
import { projectsWithFakes } from '@app/projects/testing';
import { Standbys } from '@app/supervisor';
import { TestNamespace } from './support/test-cluster.js';

let namespace: TestNamespace;
let informer: PodInformer;

afterAll(async () => {
  await informer.stop();
  await namespace.remove();
});

describeCommandExecutor('in a pod', async () => {
  namespace = await TestNamespace.create();
  const { client } = namespace;
  informer = new PodInformer(client);
  informer.start();
  await namespace.createPod('work', { 'rdev.dev/project': 'web' });
  await informer.whenSynced();
  const { service } = projectsWithFakes();
  return {
    executor: new KubernetesCommandExecutor(informer, new PodExec(client), client, service, new Standbys(60)),
    project: 'web',
  };
});
