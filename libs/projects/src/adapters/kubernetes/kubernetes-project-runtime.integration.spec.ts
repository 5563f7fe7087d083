import { ClusterUnavailable, PodInformer } from '@app/kubernetes';
import { ApiServerStub, aPod } from '@app/kubernetes/testing';
import { Install } from '@app/kernel';
import { SystemClock, until } from '@app/kernel/testing';
import { aProject } from '@app/projects/testing';
import type { V1StatefulSet } from '@kubernetes/client-node';
import { Logger } from '@nestjs/common';
import { KubernetesProjectRuntime } from './kubernetes-project-runtime.js';
import { ProjectDefaults } from './project-defaults.js';
import { templateKey } from './project-objects.js';

interface StoredObject {
  readonly metadata?: { readonly labels?: Readonly<Record<string, string>> };
}

const INSTALL = new Install('ours');
const RESOURCES = { requests: { cpu: '10m' }, limits: { cpu: '1', memory: '128Mi' } };
const DEFAULTS = new ProjectDefaults('work:1', { size: '1Gi', className: null }, RESOURCES, ['public'], true);

describe('KubernetesProjectRuntime', () => {
  let api: ApiServerStub;
  let informer: PodInformer;
  let runtime: KubernetesProjectRuntime;

  beforeAll(() => Logger.overrideLogger(false));
  beforeEach(async () => {
    api = await ApiServerStub.start();
    const client = await api.client();
    informer = new PodInformer(client, { watchSeconds: 2, retryMsMax: 100 });
    runtime = new KubernetesProjectRuntime(informer, client, DEFAULTS, new SystemClock(), INSTALL);
  });
  afterEach(async () => {
    await informer.stop();
    await api.stop();
  });

  it('does not report a project as absent before it has seen the cluster', async () => {
    expect(() => runtime.find('web')).toThrow(ClusterUnavailable);
    expect(() => runtime.observed()).toThrow(ClusterUnavailable);
    informer.start();
    await informer.whenSynced();
    expect(runtime.find('web')).toBeNull();
    expect(runtime.observed()).toEqual([]);
  });

  it('shows the last known state while the cluster is unavailable, and cannot confirm that a project is absent', async () => {
    const pod = aPod({ name: 'web-0' });
    api.set(pod);
    informer.start();
    await informer.whenSynced();
    const { project } = informer.list()[0]!;
    api.refusal = { status: 503, body: '' };
    for (const watch of api.watches) watch.destroy();
    await until(() => runtime.stale);
    await until(() => runtime.outage instanceof ClusterUnavailable);
    expect(runtime.find(project)).toMatchObject({ id: project, pod: 'web-0' });
    expect(runtime.observed()).toHaveLength(1);
    expect(() => runtime.find('other')).toThrow(ClusterUnavailable);
    api.refusal = null;
    await until(() => !runtime.stale);
    expect(runtime.outage).toBeNull();
    expect(runtime.find('other')).toBeNull();
  });

  it('refuses what is new and shows what it has seen as old while calls fail, even if the watch works', async () => {
    api.set(aPod({ name: 'web-0' }));
    informer.start();
    await informer.whenSynced();
    await until(() => api.watches.size === 1);
    const { project } = informer.list()[0]!;
    api.refusal = { status: 503, body: '' };
    for (let i = 0; i < 5; i++) await expect(runtime.check(AbortSignal.timeout(5_000))).rejects.toThrow();
    expect(informer.state.staleSince).toBeNull();
    expect([runtime.stale, runtime.find(project)]).toMatchObject([true, { pod: 'web-0' }]);
    expect(() => runtime.find('other')).toThrow(ClusterUnavailable);
    expect(runtime.outage).toMatchObject({ code: 'CLUSTER_UNAVAILABLE', retryAfterSeconds: expect.any(Number) });
    const { requests } = api;
    await expect(runtime.assertFree('other')).rejects.toThrow(ClusterUnavailable);
    expect(api.requests).toBe(requests);
    api.refusal = null;
    await until(() => !runtime.stale, 3_000);
    expect(runtime.outage).toBeNull();
    await runtime.assertFree('other');
  });

  describe('reconciling a project', () => {
    const BASE = '/api/v1/namespaces/projects';
    const STATEFUL_SETS = '/apis/apps/v1/namespaces/projects/statefulsets';
    const { signal } = new AbortController();
    const forbidden = (verb: string, resource: string) => ({
      status: 403,
      body: {
        reason: 'Forbidden',
        message: `${resource} is forbidden: User "x" cannot ${verb} resource "${resource}" in API group "" in the namespace "projects"`,
      },
    });
    const podFor = (id: string, project = aProject({ id }), uid = `uid-of-${id}`, container = {}) =>
      api.objects.set(
        `${BASE}/pods/rdev-${id}-0`,
        aPod({
          name: `rdev-${id}-0`,
          metadata: { uid, annotations: { 'rdev.dev/template': templateKey(project) } },
          container,
        }),
      );
    const warning = (involvedObject: object, reason: string, message: string) => {
      return { type: 'Warning', involvedObject, reason, message, lastTimestamp: new Date().toISOString() };
    };

    beforeEach(async () => {
      informer.start();
      await informer.whenSynced();
    });

    it('creates each object once, and keeps what another replica has created meanwhile', async () => {
      const project = aProject();
      expect(await runtime.reconcile(project, signal)).toMatchObject({ status: 'pending' });
      expect([...api.objects.keys()].map((path) => path.split('/').slice(-2)).sort()).toEqual([
        ['networkpolicies', `rdev-${project.id}`],
        ['persistentvolumeclaims', `rdev-${project.id}`],
        ['statefulsets', `rdev-${project.id}`],
      ]);
      podFor(project.id, project);
      // Not returned by a read, but present when it is created.
      api.onRequest = (method, path) =>
        method === 'GET' && !path.includes('/pods/') ? { status: 404, body: {} } : null;
      expect(await runtime.reconcile(project, signal)).toEqual({ status: 'running', reason: null });
    });

    it('recreates deleted objects', async () => {
      const project = aProject();
      await runtime.reconcile(project, signal);
      const before = [...api.objects.keys()].sort();
      api.objects.clear();
      await runtime.reconcile(project, signal);
      expect([...api.objects.keys()].sort()).toEqual(before);
    });

    it('restores the scale, and never touches the template of a running pod', async () => {
      const project = aProject();
      await runtime.reconcile(project, signal);
      const path = `${STATEFUL_SETS}/rdev-${project.id}`;
      const made = api.objects.get(path) as V1StatefulSet;
      const others = new ProjectDefaults('newer:2', { size: '1Gi', className: null }, RESOURCES, [], true);
      const newer = new KubernetesProjectRuntime(informer, await api.client(), others, new SystemClock(), INSTALL);
      await newer.reconcile(project, signal);
      expect((api.objects.get(path) as V1StatefulSet).spec).toEqual(made.spec);
      await newer.reconcile({ ...project, desired: 'stopped' }, signal);
      const scaled = (api.objects.get(path) as V1StatefulSet).spec;
      expect([scaled?.replicas, scaled?.template]).toEqual([0, made.spec?.template]);
      await newer.reconcile(project, signal);
      const { spec } = api.objects.get(path) as V1StatefulSet;
      expect(spec?.template.spec?.containers[0]?.image).toBe('newer:2');
    });

    it('neither adopts nor deletes a foreign StatefulSet', async () => {
      const project = aProject();
      const path = `${STATEFUL_SETS}/rdev-${project.id}`;
      api.objects.set(path, { metadata: { name: 'x', labels: {} }, spec: { replicas: 3 } });
      const { status, reason } = await runtime.reconcile(project, signal);
      expect([status, reason]).toEqual(['failed', expect.stringContaining("that is not rdev's. Remove it, or choose")]);
      expect(await runtime.remove(project, signal)).toBe(true);
      expect([...api.objects.keys()]).toEqual([path]);
    });

    it.each([
      ['statefulsets', 'get'],
      ['statefulsets', 'create'],
      ['persistentvolumeclaims', 'create'],
      ['networkpolicies', 'get'],
      ['networkpolicies', 'create'],
    ])('reports missing permissions for %s: %s', async (resource, verb) => {
      const methods: Record<string, string> = { get: 'GET', create: 'POST' };
      api.onRequest = (method, path) =>
        path.includes(`/${resource}`) && method === methods[verb] ? forbidden(verb, resource) : null;
      expect(await runtime.reconcile(aProject(), signal)).toEqual({
        status: 'failed',
        reason: expect.stringMatching(`^rdev is not allowed to ${verb} ${resource} in the namespace "projects"`),
      });
    });

    it('does not report a project as failed if rdev has lost all its permissions', async () => {
      const project = aProject();
      await runtime.reconcile(project, signal);
      const { status, body } = forbidden('list', 'pods');
      api.refusal = { status, body: JSON.stringify(body) };
      for (const watch of api.watches) watch.destroy();
      await until(() => runtime.stale);
      await expect(runtime.reconcile(project, signal)).rejects.toThrow(ClusterUnavailable);
    });

    it('does not report a project as failed if the cluster does not respond', async () => {
      for (const status of [500, 503, 429]) {
        api.onRequest = () => ({ status, body: {} });
        await expect(runtime.reconcile(aProject(), signal)).rejects.toThrow(ClusterUnavailable);
      }
      await expect(runtime.reconcile(aProject(), AbortSignal.abort(new Error('stop')))).rejects.toThrow('stop');
    });

    it('reads the events for the reason once a pod takes long to appear', async () => {
      const project = aProject();
      const message = 'create Pod x failed error: pods "x" is forbidden: exceeded quota: small, requested: cpu=1';
      expect(await runtime.reconcile(project, signal)).toMatchObject({ status: 'pending' });
      const { uid } = (api.objects.get(`${STATEFUL_SETS}/rdev-${project.id}`) as V1StatefulSet).metadata ?? {};
      const former = warning({ name: `rdev-${project.id}`, uid: 'of-a-former-one' }, 'FailedCreate', 'other');
      api.objects.set(`${BASE}/events`, [former, warning({ uid }, 'FailedCreate', message)]);
      const waiting = { ...project, changedAt: new Date(Date.now() - 3_000) };
      const { status, reason } = await runtime.reconcile(waiting, signal);
      expect([status, reason]).toEqual(['failed', expect.stringMatching(/^quota exceeded: small/)]);
    });

    it('does not attribute the problems of a replaced pod to its replacement', async () => {
      const before = aProject({ image: 'none:1', changedAt: new Date(Date.now() - 3_000) });
      const after = { ...before, image: null };
      const { id } = before;
      const name = `rdev-${id}-0`;
      api.objects.set(`${BASE}/events`, [
        warning({ name: `rdev-${id}` }, 'FailedCreate', 'create Pod x failed'),
        warning({ name, uid: 'first' }, 'Failed', 'Failed to pull image "none:1": i/o timeout'),
      ]);
      const waiting = { ready: false, state: { waiting: { reason: 'ContainerCreating' } } };

      podFor(id, before, 'first', waiting);
      expect(await runtime.reconcile(before, signal)).toMatchObject({ status: 'failed' });
      expect(await runtime.reconcile(after, signal)).toMatchObject({
        status: 'pending',
        reason: 'waiting for the previous pod to end',
      });
      podFor(id, after, 'second', waiting);
      expect(await runtime.reconcile(after, signal)).toMatchObject({ status: 'pending' });
      api.objects.set(`${BASE}/events`, [warning({ name, uid: 'second' }, 'FailedMount', 'secret "none" not found')]);
      const { status, reason } = await runtime.reconcile(after, signal);
      expect([status, reason]).toEqual(['failed', expect.stringMatching(/^the Secret "none" does not exist/)]);
    });

    it('waits for the pod before it removes its policy and volume, and keeps the volume on request', async () => {
      const project = aProject();
      await runtime.reconcile(project, signal);
      podFor(project.id, project);
      expect(await runtime.remove({ ...project, keepStorage: true }, signal)).toBe(false);
      expect([...api.objects.keys()].some((path) => path.includes('networkpolicies'))).toBe(true);
      api.objects.delete(`${BASE}/pods/rdev-${project.id}-0`);
      expect(await runtime.remove({ ...project, keepStorage: true }, signal)).toBe(true);
      expect([...api.objects.keys()]).toEqual([`${BASE}/persistentvolumeclaims/rdev-${project.id}`]);
      expect(await runtime.remove(project, signal)).toBe(true);
      expect(api.objects.size).toBe(0);
    });

    describe('next to another install', () => {
      const theirs = new Install('theirs');
      const pathsOf = (id: string) => [...api.objects.keys()].filter((path) => path.endsWith(`/rdev-${id}`)).sort();
      const labelOf = (path: string) => (api.objects.get(path) as StoredObject).metadata?.labels?.['rdev.dev/install'];
      const unlabelled = (path: string) => {
        const { metadata, ...object } = api.objects.get(path) as StoredObject;
        const { 'rdev.dev/install': _install, ...labels } = metadata?.labels ?? {};
        api.objects.set(path, { ...object, metadata: { ...metadata, labels } });
      };
      let other: KubernetesProjectRuntime;
      beforeEach(async () => {
        other = new KubernetesProjectRuntime(informer, await api.client(), DEFAULTS, new SystemClock(), theirs);
      });

      it('changes and removes none of its objects, and accepts none of its ids', async () => {
        const project = aProject();
        await other.reconcile(project, signal);
        const before = new Map(api.objects);
        const { status, reason } = await runtime.reconcile({ ...project, desired: 'stopped' }, signal);
        expect([status, reason]).toEqual(['failed', expect.stringContaining('another rdev install (theirs)')]);
        podFor(project.id);
        expect(await runtime.remove(project, signal)).toBe(true);
        api.objects.delete(`${BASE}/pods/rdev-${project.id}-0`);
        expect(api.objects).toEqual(before);
        await expect(runtime.assertFree(project.id)).rejects.toMatchObject({ code: 'PROJECT_EXISTS' });
        await other.assertFree(project.id);
      });

      it.each([0, 1, 2])('accepts no id with one object of the other install (%i)', async (kept) => {
        const project = aProject();
        await other.reconcile(project, signal);
        pathsOf(project.id).forEach((path, index) => {
          if (index !== kept) api.objects.delete(path);
        });
        await expect(runtime.assertFree(project.id)).rejects.toMatchObject({ code: 'PROJECT_EXISTS' });
        expect(await runtime.reconcile(project, signal)).toMatchObject({ status: 'failed' });
        const [theirsStill] = pathsOf(project.id).filter((path) => labelOf(path) === 'theirs');
        expect(await runtime.remove(project, signal)).toBe(true);
        expect(pathsOf(project.id)).toEqual([theirsStill]);
      });

      it('adopts objects of an earlier release once, without touching the pod', async () => {
        const project = aProject();
        await other.reconcile(project, signal);
        const paths = pathsOf(project.id);
        paths.forEach(unlabelled);
        const { spec } = api.objects.get(`${STATEFUL_SETS}/rdev-${project.id}`) as V1StatefulSet;
        await expect(other.assertFree(project.id)).rejects.toMatchObject({ code: 'PROJECT_EXISTS' });
        await runtime.reconcile(project, signal);
        expect(paths.map(labelOf)).toEqual(['ours', 'ours', 'ours']);
        expect((api.objects.get(`${STATEFUL_SETS}/rdev-${project.id}`) as V1StatefulSet).spec).toEqual(spec);
        expect(await other.reconcile(project, signal)).toMatchObject({ status: 'failed' });
      });

      it('adopts a volume left by an earlier release', async () => {
        const project = aProject();
        await other.reconcile(project, signal);
        const [volume = '', statefulSet = '', policy = ''] = pathsOf(project.id);
        unlabelled(volume);
        api.objects.delete(policy);
        api.objects.delete(statefulSet);
        await runtime.assertFree(project.id);
        await runtime.reconcile(project, signal);
        expect(labelOf(volume)).toBe('ours');
      });

      it('leaves an object that was replaced between a read and a change', async () => {
        const project = aProject();
        await runtime.reconcile(project, signal);
        const path = `${STATEFUL_SETS}/rdev-${project.id}`;
        const mine = api.objects.get(path) as StoredObject;
        const meanwhile = { ...mine, metadata: { ...mine.metadata, uid: 'another', labels: {} } };
        api.onRequest = (method, at) => {
          if (at !== path || method === 'GET') return null;
          api.objects.set(path, meanwhile);
          return null;
        };
        await expect(runtime.remove(project, signal)).rejects.toThrow(ClusterUnavailable);
        api.objects.set(path, mine);
        await expect(runtime.reconcile({ ...project, desired: 'stopped' }, signal)).rejects.toThrow(ClusterUnavailable);
        expect(api.objects.get(path)).toEqual(meanwhile);
      });

      it('gets all objects or none if both create a project concurrently', async () => {
        const other = new KubernetesProjectRuntime(
          informer,
          await api.client(),
          DEFAULTS,
          new SystemClock(),
          new Install('theirs'),
        );
        for (let round = 0; round < 20; round++) {
          const project = aProject({ id: `both-${round}` });
          const both = round % 2 === 0 ? [runtime, other] : [other, runtime];
          const found = await Promise.all(both.map((each) => each.reconcile(project, signal)));
          expect(found.map(({ status }) => status).sort()).toEqual(['failed', 'pending']);
          const paths = [...api.objects.keys()].filter((path) => path.endsWith(`/rdev-both-${round}`));
          expect(paths).toHaveLength(3);
          expect(new Set(paths.map(labelOf)).size).toBe(1);
        }
      });

      it('hides its pods and those of unknown installs, but shows its own', async () => {
        const labels = { 'rdev.dev/project': 'web' };
        const old = { ...labels, 'rdev.dev/managed': 'true' };
        const pods = [old, { ...old, 'rdev.dev/install': 'theirs' }, { ...labels, 'rdev.dev/project': 'own' }].map(
          (each, index) =>
            aPod({ name: `p-${String(index)}`, metadata: { uid: String(index), name: 'x', labels: each } }),
        );
        const ours = new PodInformer(await api.client(), { watchSeconds: 2, install: 'ours' });
        for (const pod of pods) api.set(pod);
        ours.start();
        await ours.whenSynced();
        const shown = new KubernetesProjectRuntime(ours, await api.client(), DEFAULTS, new SystemClock(), INSTALL);
        expect(ours.list().map(({ uid }) => uid)).toEqual(['0', '2']);
        expect(shown.observed().map(({ id }) => id)).toEqual(['own']);
        await until(() => api.watches.size > 1);
        const [first] = pods;
        api.set({ ...first, metadata: { ...first?.metadata, labels: { ...old, 'rdev.dev/install': 'theirs' } } });
        await until(() => ours.get('0') === null);
        await ours.stop();
      });
    });

    it('shows no project of a pod that it created itself: the project was deleted, or is in the repository', async () => {
      const labels = { 'rdev.dev/project': 'gone', 'rdev.dev/managed': 'true', 'rdev.dev/install': INSTALL.id };
      const own = new PodInformer(await api.client(), { watchSeconds: 2, install: INSTALL.id });
      api.set(aPod({ name: 'rdev-gone-0', metadata: { uid: '9', name: 'rdev-gone-0', labels } }));
      own.start();
      await own.whenSynced();
      const shown = new KubernetesProjectRuntime(own, await api.client(), DEFAULTS, new SystemClock(), INSTALL);
      expect([own.list().length, shown.find('gone'), shown.observed()]).toEqual([1, null, []]);
      await own.stop();
    });

    it('creates nothing if it is unknown whether the id is free', async () => {
      api.onRequest = () => ({ status: 503, body: {} });
      await expect(runtime.assertFree('web')).rejects.toThrow(ClusterUnavailable);
      api.onRequest = () => forbidden('get', 'networkpolicies');
      await runtime.assertFree('web');
    });

    it('reports which volume contains the files', async () => {
      const project = aProject();
      const { volume } = await runtime.reconcile(project, signal);
      expect(volume).toMatch(/^uid-/);
      expect(await runtime.reconcile(project, signal)).toMatchObject({ volume });
      api.objects.delete(`${BASE}/persistentvolumeclaims/rdev-${project.id}`);
      const after = await runtime.reconcile(project, signal);
      expect(after.volume).toMatch(/^uid-/);
      expect(after.volume).not.toBe(volume);
    });

    it('reports why a deleted pod does not end, until it has ended', async () => {
      const stopped = aProject({ desired: 'stopped', status: 'stopping', reason: 'no command has run for 60 s' });
      await runtime.reconcile(stopped, signal);
      const path = `${BASE}/pods/rdev-${stopped.id}-0`;
      const deleted = (secondsAgo: number, finalizers: string[] = []) => {
        podFor(stopped.id);
        const { metadata, ...pod } = api.objects.get(path) as ReturnType<typeof aPod>;
        const deletionTimestamp = new Date(Date.now() - secondsAgo * 1_000).toISOString();
        api.objects.set(path, { ...pod, metadata: { ...metadata, deletionTimestamp, finalizers } });
      };
      deleted(1);
      expect(await runtime.reconcile(stopped, signal)).toMatchObject({ status: 'stopping', reason: stopped.reason });
      deleted(60);
      const { reason } = await runtime.reconcile(stopped, signal);
      expect(reason).toMatch(/^the pod does not end.*node "node-1" has not reported/);
      deleted(60, ['example.com/hold']);
      expect(await runtime.reconcile(stopped, signal)).toMatchObject({
        status: 'stopping',
        reason: expect.stringContaining('the finalizers example.com/hold hold it'),
      });
      const running = { ...stopped, desired: 'running' as const };
      expect(await runtime.reconcile(running, signal)).toMatchObject({
        status: 'pending',
        reason: expect.stringContaining('example.com/hold'),
      });
      api.objects.delete(path);
      expect(await runtime.reconcile({ ...stopped, reason }, signal)).toMatchObject({
        status: 'stopped',
        reason: null,
      });
    });

    it('creates no pod that would keep a deleted volume in use', async () => {
      const project = aProject();
      const metadata = { name: 'x', deletionTimestamp: new Date().toISOString() };
      api.objects.set(`${BASE}/persistentvolumeclaims/rdev-${project.id}`, { metadata });
      const { status, reason } = await runtime.reconcile(project, signal);
      expect([status, reason]).toEqual(['pending', 'waiting for a pod']);
      expect([...api.objects.keys()].some((path) => path.includes('statefulsets'))).toBe(false);
    });
  });

  it.each(['Not_A.dns', 'x'.repeat(63), 'UPPER'])(
    'hides pods whose label cannot be used in a route: %s',
    async (id) => {
      api.set(aPod({ name: 'odd', metadata: { uid: 'odd', name: 'odd', labels: { 'rdev.dev/project': id } } }));
      informer.start();
      await informer.whenSynced();
      expect(runtime.observed()).toEqual([]);
    },
  );

  it.each(['https://user:pw@example.com/x.git', 'https://token@example.com/x.git', 'ssh://git:pw@example.com/x'])(
    'refuses credentials in a URL, which would be visible to everyone who may read pods: %s',
    (gitUrl) => {
      expect(() => runtime.validate(aProject({ gitUrl }))).toThrow(/Secret/);
    },
  );

  it.each(['/srv/x.git', 'file:///srv/x.git'])('refuses a path, which would be inside the pod: %s', (gitUrl) => {
    expect(() => runtime.validate(aProject({ gitUrl }))).toThrow(/must be/);
  });

  it.each(['https://example.com/x.git', 'ssh://git@example.com/x', 'git@example.com:x.git', 'git://example.com/x'])(
    'takes %s',
    (gitUrl) => {
      runtime.validate(aProject({ gitUrl }));
    },
  );
});
