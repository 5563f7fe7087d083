import { ApiServerStub, aPod } from '@app/kubernetes/testing';
import { ChannelRefused } from '@app/channel';
import { until } from '@app/kernel/testing';
import { ClusterUnavailable, KubernetesApiError, type KubernetesClient, PodExec } from './index.js';

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

  describe('the circuit breaker', () => {
    const trouble = { status: 503, body: '{"message":"trouble"}' };
    const failing = async (times: number, read: () => Promise<unknown> = pods) => {
      for (let i = 0; i < times; i++) await expect(read()).rejects.toThrow();
    };
    const write = () => client.create('/api/v1/namespaces/projects/secrets', { metadata: { name: 'a' } });
    const exec = () =>
      new PodExec(client).openChannel({ namespace: 'projects', pod: 'a', container: 'main' }, ['true']);

    test('opens after five failed reads in a row; then nothing reaches the server until a probe succeeds', async () => {
      api.refusal = trouble;
      await failing(4);
      api.refusal = null;
      await pods();
      api.refusal = trouble;
      await failing(5);
      expect(client.circuit.state).toBe('open');
      const { requests } = api;
      for (const call of [pods, write, exec, () => client.reachable()]) {
        const refused = await call().catch((error: unknown) => error);
        expect(refused).toBeInstanceOf(ClusterUnavailable);
        expect(refused).toMatchObject({
          code: 'CLUSTER_UNAVAILABLE',
          cause: { cause: { cause: { message: 'trouble' } } },
        });
        expect((refused as ClusterUnavailable).retryAfterSeconds).toBeGreaterThanOrEqual(1);
        expect((refused as ClusterUnavailable).retryAfterSeconds).toBeLessThanOrEqual(4);
      }
      expect(api.requests).toBe(requests);
      api.refusal = null;
      await until(() => client.outage === null, 3_000);
      expect(api.requests).toBe(requests + 1);
      await write();
    });

    test('lets one request through to find out whether the server has recovered', async () => {
      api.refusal = trouble;
      await failing(5);
      const { requests } = api;
      api.hangs = true;
      await until(() => api.requests === requests + 1, 3_000);
      expect(client.circuit.state).toBe('half_open');
      await failing(20);
      expect(api.requests).toBe(requests + 1);
      api.hangs = false;
      api.refusal = null;
      await until(() => client.circuit.state === 'closed', 10_000);
    }, 20_000);

    test.each([400, 401, 403, 404, 409, 410, 422, 429])('does not count the status %i', async (status) => {
      api.refusal = { status, body: '{"message":"no"}' };
      await failing(10);
      expect(client.circuit.state).toBe('closed');
    });

    test('counts neither writes, which fail for reasons of one object, nor execs, which do for those of one pod', async () => {
      api.refusal = { status: 500, body: '{"message":"failed calling webhook"}' };
      await failing(10, write);
      api.refusal = { status: 502, body: 'proxy error: dialing the node' };
      await failing(10, exec);
      expect(client.circuit.state).toBe('closed');
      expect(client.outage).toBeNull();
    });

    test('does not take an exec that was refused for one that can never run', async () => {
      api.refusal = trouble;
      await failing(5);
      await expect(exec()).rejects.not.toBeInstanceOf(ChannelRefused);
    });

    test('counts a server that is gone or silent, but not calls that their caller ends', async () => {
      api.hangs = true;
      await failing(5, () => pods({ signal: AbortSignal.timeout(10) }));
      expect(client.circuit.state).toBe('closed');
      await failing(5, () => pods({ timeoutMs: 10 }));
      expect(client.circuit.state).toBe('open');
    });
  });
});
