import { type ApiProcess, eventually, expectProblem, expectStatus } from '../support/index.js';
import { serveGit } from './support/git-server.js';
import { ProjectsSite, projectIs } from './support/projects-api.js';
import { TEST_IMAGE } from './support/test-cluster.js';

jest.setTimeout(300_000);

/** Each is a status and an event, in words that say what to do. */
describe('a project that cannot come up', () => {
  let site: ProjectsSite;
  let api: ApiProcess;
  let gitUrl: string;

  beforeAll(async () => {
    site = await ProjectsSite.open();
    const git = await serveGit(site.namespace);
    gitUrl = git.url;
    api = await site.startApi({ RDEV_PROJECT_EGRESS: git.egress });
    await site.namespace.apply({
      apiVersion: 'v1',
      kind: 'ResourceQuota',
      metadata: { name: 'small', namespace: site.namespace.name },
      spec: { hard: { 'limits.memory': '4Gi', 'requests.storage': '10Gi' } },
    });
  });
  afterAll(async () => {
    await api.stop();
    await site.close();
  });

  const cases: [string, object | (() => object), RegExp][] = [
    ['no-image', { image: 'registry.invalid/none:1' }, /^the image cannot be pulled: .*Change the image/],
    ['too-much', { resources: { limits: { memory: '8Gi' } } }, /^quota exceeded: small, .*Ask for less/],
    ['too-big', { storage: { size: '11Gi' } }, /^quota exceeded: small, .*Ask for less/],
    ['no-class', { storage: { className: 'none' } }, /^the storage class "none" does not exist\. .*storage\.className/],
    ['no-ref', () => ({ gitUrl, gitRef: 'nope' }), /^git clone failed: .*nope.*gitRef/s],
    [
      'no-repository',
      () => ({ gitUrl: `${gitUrl}-not` }),
      /^git clone failed: .*(access denied|not exported|no such).*gitSecretName/s,
    ],
    ['no-way', { gitUrl: 'http://10.255.255.1/x.git' }, /^git clone failed: .*egress/s],
    ['no-git-secret', () => ({ gitUrl, gitSecretName: 'none' }), /^the Secret "none" does not exist/],
    ['no-variables', { envFrom: [{ secretName: 'none' }] }, /^the Secret "none" does not exist/],
  ];

  test('says so, and what to do', async () => {
    for (const [id, traits] of cases) {
      const body = { id, ...(typeof traits === 'function' ? traits() : traits) };
      expectStatus(await api.client.post('/v1/projects', body), 201);
    }
    for (const [id, , reason] of cases) {
      const project = await projectIs(api.client, id, 'failed');
      expect([id, project.reason]).toEqual([id, expect.stringMatching(reason)]);
      for await (const { data } of await api.client.sse(`/v1/projects/${id}/events`, { lastEventId: '0' })) {
        if (data.type !== 'project.failed') continue;
        expect(data).toMatchObject({
          outcome: 'failed',
          data: { status: 'failed', reason: expect.stringMatching(reason) },
        });
        break;
      }
    }
    expectProblem(await api.client.post('/v1/projects', { id: 'no-image' }), 409, 'PROJECT_EXISTS');
    const withPassword = { id: 'x', gitUrl: 'https://user:secret@example.com/x.git' };
    const problem = expectProblem(await api.client.post('/v1/projects', withPassword), 400, 'INVALID_REQUEST');
    expect(problem.errors[0]).toMatchObject({ pointer: '#/gitUrl', detail: expect.stringContaining('gitSecretName') });
  });

  test('comes up when what was in the way is gone', async () => {
    const patch = { image: null };
    expectStatus(await api.client.request('PATCH', '/v1/projects/no-image', patch), 200);
    // Where no registry or name server answers, the kubelet lets go of the pod only a minute later.
    await eventually(
      async () => {
        await site.namespace.hurryPod('rdev-no-image-0');
        return (await site.namespace.pod('rdev-no-image-0'))?.spec?.containers[0]?.image === TEST_IMAGE;
      },
      60_000,
      500,
    );
    await projectIs(api.client, 'no-image', 'running');
    await site.namespace.apply({
      apiVersion: 'v1',
      kind: 'Secret',
      metadata: { name: 'none', namespace: site.namespace.name },
      stringData: { TOKEN: 'x' },
    });
    await projectIs(api.client, 'no-variables', 'running');
  });

  test('nor go, as a finalizer holds its pod: it is stopping until that is removed', async () => {
    const { client, name } = site.namespace;
    const finalize = (finalizers: readonly string[]) =>
      client.patch(`/api/v1/namespaces/${name}/pods/rdev-held-0`, { metadata: { finalizers } });
    expectStatus(await api.client.post('/v1/projects', { id: 'held' }), 201);
    await projectIs(api.client, 'held', 'running');
    await finalize(['rdev.dev/test']);
    try {
      expectStatus(await api.client.post('/v1/projects/held/stop'), 202);
      const stuck = await eventually(async () => {
        const { body } = await api.client.get('/v1/projects/held');
        return body.reason?.includes('does not end') && body;
      }, 90_000);
      expect(stuck).toMatchObject({
        status: 'stopping',
        reason: expect.stringMatching(/^the pod does not end, .*: the finalizers rdev\.dev\/test hold it\./),
      });
    } finally {
      await finalize([]);
    }
    expect(await projectIs(api.client, 'held', 'stopped')).toMatchObject({ reason: null });
  });

  test('where rdev has no rights to make one', async () => {
    const seesOnly = await site.startApi(
      {},
      await site.tokenWithout(({ resources }) => !resources[0]?.startsWith('pods')),
    );
    try {
      expectStatus(await seesOnly.client.post('/v1/projects', { id: 'forbidden' }), 201);
      const { reason } = await projectIs(seesOnly.client, 'forbidden', 'failed');
      expect(reason).toMatch(/^rdev is not allowed to get statefulsets in the namespace ".*"\. Bind the role of rdev/);
    } finally {
      await seesOnly.stop();
    }
  });
});
