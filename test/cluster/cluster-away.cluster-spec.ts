import { RbacAuthorizationV1Api } from '@kubernetes/client-node';
import { call } from '@app/kubernetes/testing';
import {
  type ApiProcess,
  ended,
  eventually,
  expectProblem,
  expectStatus,
  outputOf,
  startCommand,
  textOf,
} from '../support/index.js';
import { tcpProxy } from '../support/tcp-proxy.js';
import { ApiGateway } from './support/api-gateway.js';
import { DerivedKubeconfigs, addressOf } from './support/kubeconfig.js';
import { ProjectsSite } from './support/projects-api.js';
import { documentedServiceAccount } from './support/service-account.js';
import { kubeconfigs } from './support/test-cluster.js';

jest.setTimeout(240_000);

/** A watch lasts up to 36 s, and what it misses is noticed at its end; then a list has to fail. */
const NOTICED_MS = 90_000;

interface Outage {
  readonly env?: Readonly<Record<string, string>>;
  readonly begin: () => Promise<unknown>;
  readonly end: () => Promise<unknown>;
}

describe('while rdev cannot use the cluster', () => {
  const derived = new DerivedKubeconfigs();
  const { path } = kubeconfigs()[0]!;
  let site: ProjectsSite;
  let api: ApiProcess | undefined;

  beforeAll(async () => {
    site = await ProjectsSite.open();
    await site.namespace.createPod('web', { 'rdev.dev/project': 'web' });
  });
  afterEach(() => api?.stop());
  afterAll(async () => {
    derived.remove();
    await site.close();
  });

  const roleBinding = (): Outage => ({
    begin: () =>
      call(site.namespace.client, RbacAuthorizationV1Api, (rbac) =>
        rbac.deleteNamespacedRoleBinding({ name: 'rdev', namespace: site.namespace.name }),
      ),
    end: () => documentedServiceAccount(site.namespace),
  });
  const standstill = async (): Promise<Outage> => {
    const { host, port } = addressOf(path);
    const proxy = await tcpProxy(host, port);
    const end = async (): Promise<void> => proxy.mend();
    const env = { KUBECONFIG: derived.through(derived.withToken(path, site.token), proxy.port) };
    return { env, begin: async () => proxy.stall(), end };
  };
  const failing = async (status: number): Promise<Outage> => {
    const gateway = await ApiGateway.start(addressOf(path));
    const env = { KUBECONFIG: derived.at(derived.withToken(path, site.token), gateway.url) };
    return { env, begin: async () => gateway.fail(status), end: async () => gateway.mend() };
  };

  test.each<[string, () => Outage | Promise<Outage>]>([
    ['as its RoleBinding was removed', roleBinding],
    ['as the API server stands still', standstill],
    ['as the API server responds 429', () => failing(429)],
    ['as the API server responds 500', () => failing(500)],
  ])('it serves what needs no cluster, says so, and recovers: %s', async (_why, prepare) => {
    const outage = await prepare();
    api = await site.startApi(outage.env);
    const { client } = api;
    const project = async () => expectStatus(await client.get('/v1/projects/web'), 200).body;
    const ready = async () => expectStatus(await client.as(undefined).get('/ready'), 200);
    await eventually(async () => (await ready()).body.status === 'ok', 30_000);
    await textOf(client, 'web', 'echo old');
    const [{ id: old }] = (await client.get('/v1/commands')).body.data;
    const { id: running } = await startCommand(client, 'web', 'echo before; sleep 600');
    await eventually(async () => {
      const output = (await outputOf(client, running)).toString();
      if (output === 'before\n') return true;
      throw new Error(
        `Its output is ${JSON.stringify(output)}: ${JSON.stringify(await client.get(`/v1/commands/${running}`))}`,
      );
    }, 60_000);
    const key = expectStatus(await client.post('/v1/keys', { name: 'test', scopes: ['commands:read'] }), 201).body;
    expectStatus(await client.as(key.secret).get(`/v1/commands/${old}`), 200);

    await outage.begin();
    const degraded = await eventually(async () => {
      const answer = await ready();
      return answer.body.status === 'degraded' && answer;
    }, NOTICED_MS);
    expect(degraded.body.details).toMatchObject({ database: { status: 'up' }, runtime: { status: 'down' } });
    expect(degraded.text).not.toMatch(/serviceaccount|system:|rdev-test|127\.0\.0\.1|reason/i);
    expect((await client.get('/v1/system')).body.parts.runtime).toMatchObject({
      status: 'down',
      reason: expect.stringMatching(/./),
    });
    await eventually(async () => (await project()).stale, NOTICED_MS);
    expect(await project()).toMatchObject({ id: 'web', status: 'running', pod: 'web' });
    expect((await client.get('/v1/projects')).body.data).toMatchObject([{ id: 'web', stale: true }]);

    for (const [route, body] of [
      ['/v1/projects', { id: 'new' }],
      ['/v1/projects/web/commands', { type: 'shell', script: 'true' }],
    ] as const) {
      const isRefused = async () => (await client.post(route, body)).status === 503;
      await eventually(isRefused, NOTICED_MS);
      const refused = await client.post(route, body);
      expectProblem(refused, 503, 'CLUSTER_UNAVAILABLE');
      expect(refused.headers['retry-after']).toMatch(/^\d+$/);
    }
    expect((await outputOf(client, old)).toString()).toBe('old\n');
    expectStatus(await client.post(`/v1/commands/${running}/cancel`, { graceSeconds: 1 }), 202);
    expectStatus(await client.request('DELETE', `/v1/keys/${key.id}`), 204);
    expectProblem(await client.as(key.secret).get(`/v1/commands/${old}`), 401, 'KEY_REVOKED');
    await ready();

    await outage.end();
    await eventually(async () => (await ready()).body.status === 'ok' && !(await project()).stale, NOTICED_MS);
    expect(await ended(client, running)).toMatchObject({ status: 'cancelled', result: { killVerified: true } });
    expect(await textOf(client, 'web', 'echo again')).toBe('again\n');
  });
});
