import { type ApiProcess, eventually, startApi } from '../support/index.js';
import { EVASIONS } from '../support/scenarios/evasions.js';
import { lineOf, provoke } from '../support/scenarios/evasive-children.js';
import { TestNamespace, kubeconfigs } from './support/test-cluster.js';

describe('a child in a pod that does not want to end', () => {
  let namespace: TestNamespace;
  let api: ApiProcess;

  beforeAll(async () => {
    namespace = await TestNamespace.create();
    await namespace.createStatefulSet('zoo');
    await namespace.ready('zoo-0');
    const env = { RDEV_RUNTIME: 'kubernetes', RDEV_NAMESPACE: namespace.name, KUBECONFIG: kubeconfigs()[0]!.path };
    api = await startApi({ env });
    await eventually(async () => (await api.client.get('/v1/projects/zoo')).body?.status === 'running', 30_000);
  }, 120_000);
  afterAll(async () => {
    await api.stop();
    await namespace.remove();
  });

  it.each(EVASIONS)('and $what', async (evasion) => {
    const outcomes = await provoke(api.client, 'zoo', evasion);
    process.stderr.write(lineOf(evasion, outcomes));
    for (const { ending, status, result, left } of outcomes) {
      expect({ ending, left }).toEqual({ ending, left: 0 });
      const wanted = { cancel: 'cancelled', timeout: 'timed_out', 'its own end': 'succeeded' } as const;
      expect(status).toBe(wanted[ending]);
      if (ending !== 'its own end') expect(result).toMatchObject({ killVerified: true, survivors: 0 });
    }
  });
});
