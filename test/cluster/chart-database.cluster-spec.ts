import { CertificateAuthority, type HttpClient, eventually, expectStatus, startCommand } from '../support/index.js';
import type { Values } from '../chart/support/helm.js';
import { projectIs } from './support/projects-api.js';
import { Release } from './support/release.js';
import { TestNamespace } from './support/test-cluster.js';
import { TlsPostgres } from './support/tls-postgres.js';

jest.setTimeout(600_000);

const { RDEV_IMAGE = '', RDEV_WORKSPACE_IMAGE = '', RDEV_POSTGRES_IMAGE = '' } = process.env;
const isPossible = RDEV_IMAGE !== '' && RDEV_POSTGRES_IMAGE !== '';
if (!isPossible) {
  process.stderr.write(
    'The chart is not installed with an external database: set RDEV_IMAGE and RDEV_POSTGRES_IMAGE to images that the nodes have.\n',
  );
}
const [repository = '', tag = ''] = RDEV_IMAGE.split(/:(?=[^/:]+$)/);

/** Where a hook fails, Helm says so; with `--wait` alone it would wait for five minutes. */
const FAILURE_MAX_MS = 120_000;

(isPossible ? describe : describe.skip)('the chart with its defaults and an external PostgreSQL over TLS', () => {
  const release = new Release();
  const ca = new CertificateAuthority();
  let namespace: TestNamespace;
  let postgres: TlsPostgres;
  let client: HttpClient;

  /** The defaults, but for images that nothing has to be pulled for. */
  const defaults = {
    image: { repository, tag },
    projects: {
      namespace: release.projectsNamespace,
      ...(RDEV_WORKSPACE_IMAGE && { image: RDEV_WORKSPACE_IMAGE }),
    },
  };
  const withDatabase = (database: Values): Values => ({ ...defaults, database });
  const byUrl = (urlKey = 'url', caKey = 'ca.crt'): Values =>
    withDatabase({ existingSecret: 'database', urlKey, tls: { caConfigMap: 'postgres-ca', caKey } });

  beforeAll(async () => {
    namespace = await TestNamespace.create();
    postgres = new TlsPostgres(namespace, ca);
    await postgres.start(RDEV_POSTGRES_IMAGE);
    await release.kubectl('create', 'namespace', release.namespace);
    const urls = {
      url: postgres.url(),
      'other-name': postgres.url(postgres.otherHost),
      absent: postgres.url('postgres.absent.svc'),
      silent: postgres.url('10.255.255.1'),
    };
    const literals = Object.entries({ ...urls, password: postgres.password });
    await release.kubectl(
      ...['create', 'secret', 'generic', 'database'],
      ...literals.map(([key, value]) => `--from-literal=${key}=${value}`),
    );
    await release.kubectl(
      ...['create', 'configmap', 'postgres-ca', `--from-literal=ca.crt=${ca.certificate}`],
      `--from-literal=other.crt=${new CertificateAuthority('another CA').certificate}`,
    );
  });
  afterAll(async () => {
    await release.remove();
    await namespace.remove();
  });

  test.each<[string, () => Values, RegExp]>([
    ['whose certificate another CA signed', () => byUrl('url', 'other.crt'), /is not trusted/],
    ['whose certificate is for another name', () => byUrl('other-name'), /is for another host name/],
    ['that does not exist', () => byUrl('absent'), /does not answer: .*postgres\.absent\.svc/],
    ['that does not answer', () => byUrl('silent'), /does not answer: .*timeout/],
    [
      'whose TLS is not used',
      () => withDatabase({ existingSecret: 'database', host: postgres.host }),
      /no pg_hba\.conf entry .*no encryption/,
    ],
  ])('is not installed on a database %s, and says why', async (_which, values, reason) => {
    const startedAt = Date.now();
    const failure = await release
      .install(values())
      .catch((error: unknown) => error as { stdout: string; stderr: string });
    if (typeof failure === 'string') throw new Error('It was installed.');
    process.stdout.write(`helm install failed after ${Date.now() - startedAt} ms\n`);
    expect(Date.now() - startedAt).toBeLessThan(FAILURE_MAX_MS);
    expect(failure.stderr).toMatch(/rdev-migration/);
    // Helm 4 shows what the job wrote, and the job stays, for the command of the README.
    expect(failure.stdout + failure.stderr).toMatch(reason);
    expect(await release.kubectl('logs', 'job/rdev-migration')).toMatch(reason);
    await release.helm(['uninstall', release.name, '--ignore-not-found']);
  });

  test('leads from helm install to the first byte of a command', async () => {
    const installedAt = Date.now();
    await release.install(byUrl());
    const readyAfter = Date.now() - installedAt;
    client = await release.client();
    expectStatus(await client.post('/v1/projects', { id: 'first' }), 201);
    await projectIs(client, 'first', 'running');
    const { id } = await startCommand(client, 'first', 'echo hello; sleep 600');
    for await (const { data } of await client.sse(`/v1/commands/${id}/events`)) {
      if (data.data === 'hello\n') break;
    }
    process.stdout.write(
      `From helm install to two ready replicas ${readyAfter} ms, to the first byte ${Date.now() - installedAt} ms\n`,
    );
    expectStatus(await client.post(`/v1/commands/${id}/cancel`, { graceSeconds: 0 }), 202);
    expect(await replicas()).toEqual({ wanted: 2, ready: 2 });
  });

  const byParts = (more: Values = {}): Values => ({
    ...withDatabase({ host: postgres.host, existingSecret: 'database', tls: { caConfigMap: 'postgres-ca' } }),
    ...more,
  });

  test('is upgraded to the other form of the same database', async () => {
    await release.upgrade(byParts());
    expect(await replicas()).toEqual({ wanted: 2, ready: 2 });
    // A new connection may take longer than a request waits for it: 503, to be asked again.
    await eventually(async () => (await client.get('/v1/projects/first')).status === 200, 60_000);
  });

  test('leaves the number of replicas to kubectl scale, and then to an autoscaler, and never goes below two', async () => {
    await using watched = release.watchReplicas();
    await release.kubectl('scale', 'deployment/rdev', '--replicas=3');
    await release.upgrade(byParts({ replicaCount: null, podAnnotations: { upgraded: 'scaled' } }));
    expect(await replicas()).toMatchObject({ wanted: 3 });
    await release.kubectl('scale', 'deployment/rdev', '--replicas=2');
    await release.upgrade(byParts({ autoscaling: { enabled: true } }));
    await release.kubectl(
      'wait',
      'horizontalpodautoscaler/rdev',
      '--for=jsonpath={.status.currentReplicas}=2',
      '--timeout=120s',
    );
    expect(await replicas()).toEqual({ wanted: 2, ready: 2 });
    expect(watched.seen.length).toBeGreaterThan(2);
    expect(watched.seen.filter(({ wanted, ready }) => wanted < 2 || ready < 2)).toEqual([]);
  });

  async function replicas(): Promise<{ wanted: number; ready: number }> {
    const path = '--output=jsonpath={.spec.replicas} {.status.readyReplicas}';
    const [wanted, ready] = (await release.kubectl('get', 'deployment', 'rdev', path)).split(' ').map(Number);
    return { wanted: wanted ?? 0, ready: ready ?? 0 };
  }
});
