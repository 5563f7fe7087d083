import { ClusterUnavailable, type KubernetesClient, PodExec, PodInformer } from '@app/kubernetes';
import { ApiServerStub, aPod } from '@app/kubernetes/testing';
import { until } from '@app/kernel/testing';
import { ProjectNotRunning } from '@app/projects';
import { aProjectSpec, projectsWithFakes } from '@app/projects/testing';
import { Logger } from '@nestjs/common';
import { ContainerRefused, type Instance } from '@app/commands';
import { Standbys } from '@app/supervisor';
import { SUPERVISOR_PROGRAM, aRequest } from '@app/supervisor/testing';
import { KubernetesCommandExecutor } from './kubernetes-command-executor.js';

type Pod = ReturnType<typeof aPod>;

/** A pod as rdev creates it for the project `web`; other pods may have the label. */
const own = (overrides: Parameters<typeof aPod>[0] = {}): Pod =>
  labelled({ ...overrides, name: 'rdev-web-0' }, 'rdev-web');
function labelled(overrides: Parameters<typeof aPod>[0], owner = 'somebody'): Pod {
  const ownerReferences = [{ kind: 'StatefulSet', name: owner, controller: true }];
  const labels = { 'rdev.dev/project': 'web' };
  const uid = `uid-of-${overrides?.name ?? ''}`;
  return aPod({
    ...overrides,
    metadata: { uid, name: overrides?.name ?? '', labels, ownerReferences, ...overrides?.metadata },
  });
}
const PROGRAM_BYTES = Buffer.byteLength(SUPERVISOR_PROGRAM);
const CONTAINERS = ['proxy', 'main', 'db'];
/** A pod with three containers, `main` by default; the id of each is `id-of-<name>`. */
function ofThree(containers?: string, down: readonly string[] = []): Parameters<typeof aPod>[0] {
  const statuses = CONTAINERS.map((name) => ({
    name,
    containerID: `id-of-${name}`,
    ready: !down.includes(name),
    restartCount: 0,
    state: down.includes(name) ? { waiting: { reason: 'CrashLoopBackOff', message: 'back-off 10s' } } : { running: {} },
  }));
  const annotations = { 'rdev.dev/container': 'main', ...(containers && { 'rdev.dev/containers': containers }) };
  return {
    metadata: {
      uid: 'three',
      name: 'three',
      labels: { 'rdev.dev/project': 'own' },
      creationTimestamp: new Date('2026-01-01T00:00:00Z'),
      annotations,
    },
    spec: {
      containers: CONTAINERS.map((name) => ({ name })),
      initContainers: [{ name: 'early', restartPolicy: 'Always' }],
    },
    status: {
      phase: 'Running',
      conditions: [{ type: 'Ready', status: down.length === 0 ? 'True' : 'False' }],
      containerStatuses: statuses,
      initContainerStatuses: [
        { name: 'early', containerID: 'id-of-early', ready: true, started: true, state: { running: {} } },
      ],
    },
  };
}
const starting = { ready: false, state: { waiting: { reason: 'ContainerCreating' } } };

describe('KubernetesCommandExecutor', () => {
  let api: ApiServerStub;
  let informer: PodInformer;
  let client: KubernetesClient;
  let executor: KubernetesCommandExecutor;
  const { service, projects } = projectsWithFakes();

  beforeAll(async () => {
    Logger.overrideLogger(false);
    await projects.insert(aProjectSpec({ id: 'web' }), 'running');
  });
  beforeEach(async () => {
    api = await ApiServerStub.start();
    client = await api.client();
    informer = new PodInformer(client, { watchSeconds: 30, retryMsMax: 100, install: 'ours' });
    executor = new KubernetesCommandExecutor(informer, new PodExec(client), client, service, new Standbys(60));
  });
  afterEach(async () => {
    await informer.stop();
    await api.stop();
  });

  const follow = async (...pods: Pod[]): Promise<void> => {
    for (const pod of pods) api.set(pod);
    informer.start();
    await informer.whenSynced();
    await until(() => api.watches.size === 1);
  };

  it('finds nothing before the first list of pods', async () => {
    await expect(executor.locate('web')).rejects.toThrow(ClusterUnavailable);
  });

  it("selects the pod created by rdev, even if other pods have the project's label", async () => {
    const older = { creationTimestamp: new Date('2020-01-01T00:00:00Z') };
    await follow(labelled({ name: 'decoy', metadata: { ...older, uid: 'decoy' } }), own());
    expect(await executor.locate('web')).toMatchObject({ id: 'uid-of-rdev-web-0', pod: 'rdev-web-0' });
  });

  it("runs nothing in a foreign pod while the project's own pod is absent or not up", async () => {
    await follow(labelled({ name: 'decoy' }), labelled({ name: 'rdev-web-0' }));
    await expect(executor.locate('web')).rejects.toThrow('it has no pod');
    api.set(own({ metadata: { uid: 'real' }, container: starting }));
    await expect(executor.locate('web')).rejects.toThrow(ProjectNotRunning);
  });

  it('runs nothing in a pod of another or unknown install, unless the project exists here', async () => {
    const pod = (name: string, labels: Record<string, string>) =>
      labelled({ name, metadata: { uid: name, labels: { 'rdev.dev/managed': 'true', ...labels } } }, name.slice(0, -2));
    await follow(
      pod('rdev-web-0', { 'rdev.dev/project': 'web' }),
      pod('rdev-old-0', { 'rdev.dev/project': 'old' }),
      pod('rdev-new-0', { 'rdev.dev/project': 'new', 'rdev.dev/install': 'theirs' }),
    );
    expect(await executor.locate('web')).toMatchObject({ pod: 'rdev-web-0' });
    for (const id of ['old', 'new']) await expect(executor.locate(id)).rejects.toThrow('it has no pod');
  });

  it('selects any pod with the label if rdev has created none', async () => {
    await follow(
      aPod({ name: 'theirs', metadata: { uid: 'x', name: 'theirs', labels: { 'rdev.dev/project': 'own' } } }),
    );
    expect(await executor.locate('own')).toMatchObject({ id: 'x', pod: 'theirs' });
  });

  it('waits for a lagging watch instead of reporting the project as stopped', async () => {
    await follow(own({ container: starting }));
    api.silent = true;
    api.set(own());
    const asked = api.lists;
    let isLocated = false;
    const located = executor.locate('web').finally(() => (isLocated = true));
    await until(() => api.lists > asked);
    expect(isLocated).toBe(false);
    api.silent = false;
    api.cut();
    const instance = await located;
    expect(instance).toMatchObject({ pod: 'rdev-web-0', containerId: 'containerd://1' });
    expect(await executor.observe(instance)).toEqual({ kind: 'present' });
  });

  it('reports the cluster as unavailable if neither the watch nor the API responds', async () => {
    await follow();
    api.refusal = { status: 503, body: '' };
    await expect(executor.locate('web')).rejects.toThrow(ClusterUnavailable);
    api.refusal = null;
    api.silent = true;
    api.set(own());
    await expect(executor.locate('web')).rejects.toThrow(ClusterUnavailable);
  }, 20_000);

  it('has a launcher wait for commands with the same spool directory only', async () => {
    await follow(own());
    const places = new Set<string>();
    const standbys = new Standbys(60);
    standbys.of = (place) => {
      places.add(place);
      return undefined;
    };
    const other = new KubernetesCommandExecutor(informer, new PodExec(client), client, service, standbys);
    const instance = await other.locate('web');
    for (const spoolDirectory of [null, '/a', '/b', '/a'])
      other.start({ ...instance, spoolDirectory }, aRequest({}), { stdout: 0, stderr: 0 }, AbortSignal.abort());
    expect(places.size).toBe(3);
  });

  describe('while the watch lags behind', () => {
    const start = (instance: Instance) =>
      executor.start(instance, aRequest({}), { stdout: 0, stderr: 0 }, AbortSignal.timeout(5_000));
    const restarted = { ...starting, containerID: 'containerd://1' };
    let sent: number[];
    beforeEach(() => {
      const bytes: number[] = (sent = []);
      api.onExec = (session) => {
        session.socket.on('close', () => bytes.push(session.stdinBytes));
        const asked = session.until(({ stdinBytes }) => stdinBytes > PROGRAM_BYTES);
        asked.then(() => session.exit(1)).catch(() => undefined);
      };
    });

    it.each<[string, () => void]>([
      [
        'another pod has the name',
        () => {
          api.forget(own());
          api.set(own({ metadata: { uid: 'replacement' } }));
        },
      ],
      ['the pod is gone', () => api.forget(own())],
      ['the container is restarting', () => api.set(own({ container: restarted }))],
      ['the container has restarted', () => api.set(own({ container: { containerID: 'containerd://2' } }))],
      ['the API does not answer', () => (api.onRequest = () => ({ status: 503, body: {} }))],
    ])('sends no request where %s', async (_case, happen) => {
      await follow(own());
      const instance = await executor.locate('web');
      api.silent = true;
      happen();
      expect(await start(instance).end).toMatchObject({ kind: 'dropped' });
      await until(() => sent.length === 1);
      expect(sent).toEqual([PROGRAM_BYTES]);
      expect(await executor.observe(instance)).toEqual({ kind: 'present' });
    });

    it('says so if it may not read the pod', async () => {
      await follow(own());
      const instance = await executor.locate('web');
      api.onRequest = (_method, path) =>
        path.endsWith('/pods/rdev-web-0') ? { status: 403, body: { message: 'pods is forbidden' } } : null;
      expect(await start(instance).end).toEqual({ kind: 'refused', detail: 'pods is forbidden' });
    });

    it('sends the request where the pod is still there', async () => {
      await follow(own());
      const instance = await executor.locate('web');
      api.silent = true;
      await start(instance).end;
      await until(() => sent.length === 1);
      expect(sent[0]).toBeGreaterThan(PROGRAM_BYTES + 50);
    });
  });

  describe('in a pod with several containers', () => {
    /** The containers that are entered from now on; every exec ends at once. */
    const noteEntered = (): (string | null)[] => {
      const entered: (string | null)[] = [];
      api.onExec = (session) => {
        entered.push(session.container);
        session.exit(1);
      };
      return entered;
    };

    it('uses the default container, or a requested one that the pod lists', async () => {
      await follow(aPod(ofThree(' db, early,gone')));
      const id = 'three';
      expect(await executor.locate('own')).toMatchObject({ id, container: 'main', containerId: 'id-of-main' });
      expect(await executor.locate('own', 'main')).toMatchObject({ id, container: 'main' });
      const db = await executor.locate('own', 'db');
      expect(db).toMatchObject({ id, pod: 'three', container: 'db', containerId: 'id-of-db' });
      expect(await executor.observe(db)).toEqual({ kind: 'present' });
      expect((await executor.instances('own')).map(({ container }) => container)).toEqual(['main', 'db']);
    });

    it.each(['proxy', 'early', 'gone', 'db'])(
      'never enters a container that the pod does not list: %s',
      async (name) => {
        await follow(aPod(ofThree(name === 'db' ? undefined : 'db,early,gone')));
        const attempt = executor.locate('own', name);
        await expect(attempt).rejects.toThrow(ContainerRefused);
        await expect(attempt).rejects.toThrow(
          `has no container "${name}" that commands may run in. They may run in: main${name === 'db' ? '' : ', db'}. `,
        );
      },
    );

    it('requires only the requested container to run', async () => {
      await follow(aPod(ofThree('db', ['db'])));
      await expect(executor.locate('own', 'db')).rejects.toThrow(
        'The container "db" of the pod "three" is not running (CrashLoopBackOff: back-off 10s). Commands may run in: main, db (not running).',
      );
      expect((await executor.instances('own')).map(({ container }) => container)).toEqual(['main']);
      api.set(aPod(ofThree('db', ['main', 'proxy'])));
      expect(await executor.locate('own', 'db')).toMatchObject({ containerId: 'id-of-db' });
      await expect(executor.locate('own')).rejects.toThrow(ProjectNotRunning);
      api.set(aPod(ofThree('db', CONTAINERS)));
      await until(() => informer.get('three')?.containers.every(({ running }) => !running) === true);
      const attempt = executor.locate('own', 'db');
      await expect(attempt).rejects.toThrow('Commands may run in: main (not running), db (not running).');
    });

    it('keeps a command while the circuit breaker is open, and enters its container again afterwards', async () => {
      await follow(aPod(ofThree('db')));
      const db = await executor.locate('own', 'db');
      const entered = noteEntered();
      const signal = AbortSignal.timeout(10_000);
      const attach = () => executor.attach(db, 'cmd_x', { stdout: 0, stderr: 0 }, signal).end;
      api.refusal = { status: 503, body: '' };
      for (let i = 0; i < 5; i++) await expect(client.reachable()).rejects.toThrow();
      const { requests } = api;
      for (let i = 0; i < 10; i++)
        expect(await attach()).toMatchObject({ kind: 'dropped', cause: expect.any(ClusterUnavailable) });
      expect(api.requests).toBe(requests);
      expect(await executor.observe(db)).toMatchObject({ kind: 'present' });
      api.refusal = null;
      await until(() => client.outage === null, 3_000);
      await attach();
      expect(entered).toEqual(['db']);
    });

    it('enters the bound container, but not its replacement', async () => {
      await follow(aPod(ofThree('db')));
      const db = await executor.locate('own', 'db');
      const entered = noteEntered();
      const signal = AbortSignal.timeout(5_000);
      const attached = executor.attach(db, 'cmd_x', { stdout: 0, stderr: 0 }, signal);
      await attached.end;
      expect(entered).toEqual(['db']);
      const moved = { ...db, containerId: 'id-of-another' };
      expect(await executor.observe(moved)).toMatchObject({ kind: 'gone', reason: 'container_restarted' });
      expect(await executor.attach(moved, 'cmd_x', { stdout: 0, stderr: 0 }, signal).end).toMatchObject({
        kind: 'dropped',
        cause: { message: expect.stringContaining('not the one that the command was bound to') },
      });
      expect(entered).toEqual(['db']);
    });
  });
});
