import { ApiServerStub, aPod } from '@app/kubernetes/testing';
import { ClusterUnavailable, KubernetesApiError, type KubernetesClient } from './index.js';

let api: ApiServerStub;
let client: KubernetesClient;

beforeEach(async () => {
  api = await ApiServerStub.start();
  client = await api.client();
});
afterEach(async () => {
  client.close();
  await api.stop();
});

const pods = (options = {}) => client.getJson('/api/v1/namespaces/projects/pods', options);

describe('KubernetesClient', () => {
  test('reads with its credentials', async () => {
    api.set(aPod({ name: 'a' }));
    expect(await pods()).toMatchObject({ items: [{ metadata: { name: 'a' } }] });
    await client.reachable();
  });

  test('reuses a connection, and retries if the server has closed it', async () => {
    for (let round = 0; round < 5; round += 1) {
      await pods();
      expect(api.connections).toBe(1);
    }
    api.cut();
    await pods();
  });

  test('passes a refusal on with its status', async () => {
    api.refusal = { status: 403, body: '{"reason":"Forbidden","message":"pods is forbidden"}' };
    await expect(client.reachable()).rejects.toBeInstanceOf(KubernetesApiError);
    await expect(pods()).rejects.toMatchObject({ status: 403, reason: 'Forbidden', message: 'pods is forbidden' });
  });

  test('is unavailable while the server fails, is silent or is gone', async () => {
    api.refusal = { status: 503, body: 'trouble' };
    await expect(pods()).rejects.toBeInstanceOf(ClusterUnavailable);
    api.hangs = true;
    await expect(pods({ timeoutMs: 50 })).rejects.toMatchObject({ cause: { message: 'No response within 50 ms.' } });
    const cut = pods();
    setTimeout(() => api.cut(), 20);
    await expect(cut).rejects.toBeInstanceOf(ClusterUnavailable);
  });

  test('rejects with the reason of an abort', async () => {
    api.hangs = true;
    const reason = new Error('enough');
    await expect(pods({ signal: AbortSignal.abort(reason) })).rejects.toBe(reason);
    await expect(client.reachable(AbortSignal.abort(reason))).rejects.toBe(reason);
  });
});
