import { loadAllYaml } from '@kubernetes/client-node';
import { CHART, type KubeObject } from '../chart/support/helm.js';
import { Release } from './support/release.js';

jest.setTimeout(300_000);

/** Has no generation, and the cluster writes to it: what is used of it, and its token. */
const WRITTEN_BY_OTHERS = ['ResourceQuota', 'ServiceAccount'];

/** As Argo CD and Flux do it: rendered without a cluster, and applied on the server again and again. */
describe('the chart under GitOps', () => {
  const release = new Release();
  afterAll(() => release.remove());

  const values = {
    // What is tested here are objects: no pod has to run.
    replicaCount: 1,
    projects: { namespace: release.namespace, createNamespace: false, quota: { pods: '10' } },
    adminKey: { existingSecret: 'key' },
    database: { existingSecret: 'postgres' },
    ingress: { enabled: true },
    policy: { rules: [] },
    metrics: { dashboard: { enabled: true } },
  };
  /** Without the cluster, helm takes the newest one for granted: what an older one does not have is left out. */
  const render = async (): Promise<string> => {
    const versions = (await release.kubectl('api-versions')).split('\n');
    const newer = {
      pdb: { enabled: versions.includes('policy/v1') },
      autoscaling: { enabled: versions.includes('autoscaling/v2') },
    };
    const args = ['template', release.name, CHART, '--values', '-', '--no-hooks'];
    return release.helm(args, { ...values, ...newer });
  };

  /** What stays as it is if nobody changes the object: its generation, or where it has none its version. */
  const applied = async (manifest: string): Promise<string[]> => {
    await release.kubectlWith(manifest, 'apply', '--server-side', '--field-manager=gitops', '--filename=-');
    const list = JSON.parse(await release.kubectlWith(manifest, 'get', '--filename=-', '--output=json')) as {
      items: KubeObject[];
    };
    return list.items.map(({ kind, metadata: { name, uid, generation, resourceVersion } }) =>
      [kind, name, uid, generation ?? (WRITTEN_BY_OTHERS.includes(kind) ? '' : resourceVersion)].join(' '),
    );
  };

  test('changes nothing when it is rendered and applied again', async () => {
    await release.kubectl('create', 'namespace', release.namespace);
    const first = await render();
    const objects = loadAllYaml(first).filter((object) => object !== null);
    const before = await applied(first);
    expect(before).toHaveLength(objects.length);
    expect(before.filter((line) => line.startsWith('Secret'))).toEqual([]);
    const second = await render();
    expect(second).toBe(first);
    expect(await applied(second)).toEqual(before);
  });
});
