import { ClusterUnavailable, PodExec, PodInformer } from '@app/kubernetes';
import { ApiServerStub, aPod } from '@app/kubernetes/testing';
import { until } from '@app/kernel/testing';
import { ProjectNotRunning } from '@app/projects';
import { aProjectSpec, projectsWithFakes } from '@app/projects/testing';
import { Logger } from '@nestjs/common';
import { KubernetesCommandExecutor } from './kubernetes-command-executor.js';

type Pod = ReturnType<typeof aPod>;

/** As rdev makes it for the project `web`; others may have the label. */
const own = (overrides: Parameters<typeof aPod>[0] = {}): Pod =>
  labelled({ ...overrides, name: 'rdev-web-0' }, 'rdev-web');
function labelled(overrides: Parameters<typeof aPod>[0], owner = 'somebody'): Pod {
  const ownerReferences = [{ kind: 'StatefulSet', name: owner, controller: true }];
  const labels = { 'rdev.dev/project': 'web' };
  const uid = `uid-of-${overrides?.name ?? ''}`;
  return aPod({
    ...overrides,
    metadata: { uid, name: overrides?.name ?? '', labels, ownerReferences, ...overrides?.metadata },
  });
}
const starting = { ready: false, state: { waiting: { reason: 'ContainerCreating' } } };

describe('KubernetesCommandExecutor', () => {
  let api: ApiServerStub;
  let informer: PodInformer;
  let executor: KubernetesCommandExecutor;
  const { service, projects } = projectsWithFakes();

  beforeAll(async () => {
    Logger.overrideLogger(false);
    await projects.insert(aProjectSpec({ id: 'web' }), 'running');
  });
  beforeEach(async () => {
    api = await ApiServerStub.start();
    const client = await api.client();
    informer = new PodInformer(client, { watchSeconds: 30, retryMsMax: 100 });
    executor = new KubernetesCommandExecutor(informer, new PodExec(client), client, service);
  });
  afterEach(async () => {
    await informer.stop();
    await api.stop();
  });

  const follow = async (...pods: Pod[]): Promise<void> => {
    for (const pod of pods) api.set(pod);
    informer.start();
    await informer.whenSynced();
    await until(() => api.watches.size === 1);
  };

  it('finds nothing before it has seen the cluster', async () => {
    await expect(executor.locate('web')).rejects.toThrow(ClusterUnavailable);
  });

  it('takes the pod that rdev made, whatever else has the label of the project', async () => {
    const older = { creationTimestamp: new Date('2020-01-01T00:00:00Z') };
    await follow(labelled({ name: 'decoy', metadata: { ...older, uid: 'decoy' } }), own());
    expect(await executor.locate('web')).toMatchObject({ id: 'uid-of-rdev-web-0', pod: 'rdev-web-0' });
  });

  it('runs nothing in a pod of others while that of the project is not there, or not up', async () => {
    await follow(labelled({ name: 'decoy' }), labelled({ name: 'rdev-web-0' }));
    await expect(executor.locate('web')).rejects.toThrow('it has no pod');
    api.set(own({ metadata: { uid: 'real' }, container: starting }));
    await expect(executor.locate('web')).rejects.toThrow(ProjectNotRunning);
  });

  it('takes any pod with the label where rdev has made none', async () => {
    await follow(
      aPod({ name: 'theirs', metadata: { uid: 'x', name: 'theirs', labels: { 'rdev.dev/project': 'own' } } }),
    );
    expect(await executor.locate('own')).toMatchObject({ id: 'x', pod: 'theirs' });
  });

  it('waits for the watch where that lags behind, and does not call the project stopped', async () => {
    await follow(own({ container: starting }));
    api.silent = true;
    api.set(own());
    const asked = api.lists;
    let isLocated = false;
    const located = executor.locate('web').finally(() => (isLocated = true));
    await until(() => api.lists > asked);
    expect(isLocated).toBe(false);
    api.silent = false;
    api.cut();
    const instance = await located;
    expect(instance).toMatchObject({ pod: 'rdev-web-0', containerId: 'containerd://1' });
    expect(await executor.observe(instance)).toEqual({ kind: 'present' });
  });

  it('says that the cluster cannot be reached where neither tells', async () => {
    await follow();
    api.refusal = { status: 503, body: '' };
    await expect(executor.locate('web')).rejects.toThrow(ClusterUnavailable);
    api.refusal = null;
    api.silent = true;
    api.set(own());
    await expect(executor.locate('web')).rejects.toThrow(ClusterUnavailable);
  }, 20_000);
});
