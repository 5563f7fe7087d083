import { ClusterUnavailable, PodInformer } from '@app/kubernetes';
import { ApiServerStub, aPod } from '@app/kubernetes/testing';
import { until } from '@app/kernel/testing';
import { Logger } from '@nestjs/common';
import { KubernetesProjectRuntime } from './kubernetes-project-runtime.js';

describe('KubernetesProjectRuntime', () => {
  let api: ApiServerStub;
  let informer: PodInformer;
  let runtime: KubernetesProjectRuntime;

  beforeAll(() => Logger.overrideLogger(false));
  beforeEach(async () => {
    api = await ApiServerStub.start();
    const client = api.client();
    informer = new PodInformer(client, { watchSeconds: 2, retryMsMax: 100 });
    runtime = new KubernetesProjectRuntime(informer, client);
  });
  afterEach(async () => {
    await informer.stop();
    await api.stop();
  });

  it('says of no project that there is none before it has seen the cluster', async () => {
    expect(() => runtime.find('web')).toThrow(ClusterUnavailable);
    expect(() => runtime.observed()).toThrow(ClusterUnavailable);
    informer.start();
    await informer.whenSynced();
    expect(runtime.find('web')).toBeNull();
    expect(runtime.observed()).toEqual([]);
  });

  it('shows what it saw last while the cluster is away, and cannot say that something else is not there', async () => {
    const pod = aPod({ name: 'web-0' });
    api.set(pod);
    informer.start();
    await informer.whenSynced();
    const { project } = informer.list()[0]!;
    api.refusal = { status: 503, body: '' };
    for (const watch of api.watches) watch.destroy();
    await until(() => runtime.stale);
    expect(runtime.find(project)).toMatchObject({ id: project, pod: 'web-0' });
    expect(runtime.observed()).toHaveLength(1);
    expect(() => runtime.find('other')).toThrow(ClusterUnavailable);
    api.refusal = null;
    await until(() => !runtime.stale);
    expect(runtime.find('other')).toBeNull();
  });
});
