import { text } from 'node:stream/consumers';
import { Install } from '@app/kernel';
import { SystemClock } from '@app/kernel/testing';
import { KubernetesApiError, KubernetesClient, PodExec, PodInformer } from '@app/kubernetes';
import { ProjectDefaults } from '@app/projects';
import { ChannelRefused } from '@app/channel';
import { KubernetesProjectRuntime, describeProjectRuntime } from '@app/projects/testing';
import { serveGit } from './support/git-server.js';
import { DerivedKubeconfigs } from './support/kubeconfig.js';
import { documentedServiceAccount } from './support/service-account.js';
import { TEST_IMAGE, TestNamespace, kubeconfigs } from './support/test-cluster.js';

describeProjectRuntime('Kubernetes', async () => {
  const namespace = await TestNamespace.create();
  const derived = new DerivedKubeconfigs();
  const git = await serveGit(namespace);
  const kubeconfigPath = derived.withToken(kubeconfigs()[0]?.path ?? '', await documentedServiceAccount(namespace));
  const client = await KubernetesClient.open({ mode: 'kubeconfig', kubeconfigPath, namespace: namespace.name });
  const informer = new PodInformer(client);
  informer.start();
  await informer.whenSynced();
  const resources = { requests: { cpu: '10m', memory: '16Mi' }, limits: { cpu: '1', memory: '128Mi' } };
  const defaults = new ProjectDefaults(TEST_IMAGE, { size: '64Mi', className: null }, resources, [git.egress], true);
  const exec = new PodExec(client);
  const sh = async (id: string, script: string): Promise<string> => {
    const target = { namespace: namespace.name, pod: `rdev-${id}-0`, container: 'main' };
    const channel = await exec.openChannel(target, ['sh', '-c', script]);
    const [output, complaint] = await Promise.all([text(channel.stdout), text(channel.stderr)]);
    const end = await channel.ended;
    if (end.kind !== 'exited' || end.code !== 0)
      throw new Error(`"${script}" failed in ${id}: ${JSON.stringify(end)} ${complaint}`);
    return output;
  };
  return {
    runtime: new KubernetesProjectRuntime(informer, client, defaults, new SystemClock(), new Install('cluster-tests')),
    gitUrl: git.url,
    missingGitUrl: `${git.url}-not`,
    files: (id) =>
      sh(id, 'ls -A /workspace').then(
        (names) => names.split('\n').filter((name) => name !== ''),
        (error: unknown) => {
          // No pod of that name, or none of its containers has started.
          if (error instanceof KubernetesApiError || error instanceof ChannelRefused) return null;
          throw error;
        },
      ),
    write: async (id, name) => {
      await sh(id, `true > /workspace/${name}`);
    },
    close: async () => {
      await informer.stop();
      client.close();
      derived.remove();
      await namespace.remove();
    },
  };
});
