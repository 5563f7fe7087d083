import { type ApiProcess, expectProblem, expectStatus, textOf } from '../support/index.js';
import { ProjectsSite, projectIs } from './support/projects-api.js';
import { Webhooks } from './support/webhooks.js';

jest.setTimeout(300_000);

const { RDEV_IMAGE = '' } = process.env;
if (!RDEV_IMAGE) process.stderr.write('No admission webhook is served: set RDEV_IMAGE to an image that has Node.js.\n');

const PODS = { apiGroups: [''], apiVersions: ['v1'], resources: ['pods'] };
const STATEFUL_SETS = { apiGroups: ['apps'], apiVersions: ['v1'], resources: ['statefulsets'] };

/** What meshes and policies of a cluster do to the objects of projects. */
(RDEV_IMAGE ? describe : describe.skip)('an admission webhook', () => {
  let site: ProjectsSite;
  let webhooks: Webhooks;
  let api: ApiProcess;

  beforeAll(async () => {
    site = await ProjectsSite.open();
    webhooks = new Webhooks(site.namespace);
    await webhooks.serve(RDEV_IMAGE);
    api = await site.startApi({ RDEV_PROJECT_LABELS: JSON.stringify(webhooks.label) });
  });
  afterAll(async () => {
    await api.stop();
    await site.close();
  });

  const create = async (id: string): Promise<void> => {
    expectStatus(await api.client.post('/v1/projects', { id }), 201);
  };

  test('that puts a container first leaves commands in the container of the project', async () => {
    const first = { kind: 'MutatingWebhookConfiguration', path: '/first', rule: PODS } as const;
    await webhooks.during(first, async () => {
      await create('meshed');
      await projectIs(api.client, 'meshed', 'running');
    });
    const pod = await site.namespace.pod('rdev-meshed-0');
    expect(pod?.spec?.containers.map(({ name }) => name)).toEqual(['sidecar', 'main']);
    expect(await textOf(api.client, 'meshed', 'echo "${WHERE:-main} $PWD"')).toBe('main /workspace\n');
  });

  test.each([
    ['pods', PODS],
    ['StatefulSets', STATEFUL_SETS],
  ])('that refuses %s is the reason of the project, and of its commands, until it goes', async (_what, rule) => {
    const id = `refused-${rule.resources[0] ?? ''}`;
    const refuse = { kind: 'ValidatingWebhookConfiguration', path: '/refuse', rule } as const;
    const words = 'the admission webhook "webhooks.rdev.test" refuses it: projects need an owner label';
    await webhooks.during(refuse, async () => {
      await create(id);
      expect((await projectIs(api.client, id, 'failed')).reason).toContain(words);
      const refused = await api.client.post(`/v1/projects/${id}/commands`, { type: 'shell', script: 'true' });
      expect(expectProblem(refused, 409, 'PROJECT_NOT_RUNNING').detail).toContain(words);
    });
    const { reason } = await projectIs(api.client, id, 'running');
    expect(reason).toBeNull();
    expect(await textOf(api.client, id, 'echo ran')).toBe('ran\n');
  });
});
