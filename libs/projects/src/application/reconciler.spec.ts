import { FakeClock, InMemoryEventLog, InMemoryTransactor, aCaller, until } from '@app/kernel/testing';
import { aProject, aProjectSpec, projectsWithFakes } from '@app/projects/testing';
import { NotFound, Unavailable } from '@app/kernel';
import type { Finding, ManagedProject } from '../domain/project.js';
import { ProjectOfAnotherInstall } from '../domain/project.errors.js';
import type { Leave, ProjectDependent } from './project-hooks.js';
import { Reconciler, bounded } from './reconciler.js';

class FakeUser implements ProjectDependent {
  active = false;
  readonly left: Leave[] = [];
  readonly told: string[] = [];
  onLeave: () => Promise<void> = () => Promise.resolve();

  leave(leave: Leave): Promise<void> {
    this.left.push(leave);
    return this.onLeave();
  }

  isActive(): Promise<boolean> {
    return Promise.resolve(this.active);
  }

  onRunning(projectId: string): void {
    this.told.push(projectId);
  }
}

describe('the life of a project', () => {
  const caller = aCaller();
  let site: ReturnType<typeof projectsWithFakes>;
  let user: FakeUser;
  beforeEach(() => {
    site = projectsWithFakes();
    site.runtime.isInstant = false;
    user = new FakeUser();
    site.service.addDependent(user);
    site.reconciler.onApplicationBootstrap();
  });
  afterEach(() => site.reconciler.beforeApplicationShutdown());

  const create = (traits: Parameters<typeof aProjectSpec>[0] = {}) => site.service.create(aProjectSpec(traits), caller);
  const is = (id: string, status: string) => until(async () => (await site.service.get(id, caller)).status === status);
  const answers = (condition: Finding) => (site.runtime.onReconcile = () => Promise.resolve(condition));

  it('begins pending, runs, and notifies its dependents', async () => {
    const { id, status } = await create();
    expect(status).toBe('pending');
    await is(id, 'running');
    await until(() => user.told.includes(id));
    expect(site.events.types).toEqual(['project.created', 'project.started']);
  });

  it('starts again when a client starts a failed project', async () => {
    answers({ status: 'failed', reason: 'its directory is gone' });
    const { id } = await create();
    await is(id, 'failed');
    answers({ status: 'running', reason: null });
    expect(await site.service.start(id, caller)).toMatchObject({ status: 'pending', reason: null });
    await is(id, 'running');
    expect(site.events.types.at(-1)).toBe('project.started');
  });

  it('records each change of status once, however often it is reconciled', async () => {
    answers({ status: 'failed', reason: 'the image cannot be pulled' });
    const { id } = await create();
    await is(id, 'failed');
    answers({ status: 'failed', reason: 'in other words' });
    site.runtime.change(id);
    await until(async () => (await site.service.get(id, caller)).reason === 'in other words');
    answers({ status: 'running', reason: null });
    site.runtime.change(id);
    await is(id, 'running');
    site.runtime.change(id);
    expect(site.events.types).toEqual(['project.created', 'project.failed', 'project.started']);
    expect(site.events.all[1]?.data).toEqual({ status: 'failed', reason: 'the image cannot be pulled' });
  });

  describe('with a lost volume', () => {
    const lost = 'the volume was deleted with all files';
    const reasonOf = async (id: string) => (await site.service.get(id, caller)).reason;
    const losing = async (traits: Parameters<typeof aProjectSpec>[0] = {}): Promise<string> => {
      answers({ status: 'running', reason: null, volume: 'first' });
      const { id } = await create(traits);
      await is(id, 'running');
      expect(await reasonOf(id)).toBeNull();
      answers({ status: 'running', reason: null, volume: 'second' });
      site.runtime.change(id);
      await until(async () => (await reasonOf(id))?.startsWith(lost) === true);
      return id;
    };

    it('reports it once as an event, and in its reason next to others', async () => {
      const id = await losing();
      answers({ status: 'failed', reason: 'the image cannot be pulled', volume: 'second' });
      site.runtime.change(id);
      await is(id, 'failed');
      expect(await reasonOf(id)).toMatch(/^the volume was deleted .*; the image cannot be pulled$/);
      expect(site.events.types.filter((type) => type === 'project.volume_lost')).toHaveLength(1);
      expect(site.events.all.find(({ type }) => type === 'project.volume_lost')).toMatchObject({
        projectId: id,
        outcome: 'failed',
        data: { volume: 'first' },
      });
    });

    it.each(['start', 'restart'] as const)('reports it until a client acts: %s', async (action) => {
      const id = await losing();
      await site.service[action](id, caller);
      await until(async () => (await site.service.get(id, caller)).status === 'running' && !(await reasonOf(id)));
      site.runtime.change(id);
      await site.reconciler.reconcile(id);
      expect(await reasonOf(id)).toBeNull();
    });

    it('still reports it when it was stopped and then started by a command', async () => {
      const id = await losing({ wakeOnCommand: true });
      answers({ status: 'stopped', reason: null, volume: 'second' });
      await site.service.stop(id, caller);
      await is(id, 'stopped');
      expect(await reasonOf(id)).toContain(lost);
      answers({ status: 'running', reason: null, volume: 'second' });
      await site.service.admitCommand(id, caller);
      await is(id, 'running');
      expect(await reasonOf(id)).toContain(lost);
    });
  });

  it('refuses an id used by another install, unless the request is a replay', async () => {
    site.runtime.onAssertFree = () => Promise.reject(new ProjectOfAnotherInstall('web', 'projects'));
    await expect(create({ id: 'web' })).rejects.toMatchObject({ code: 'PROJECT_EXISTS' });
    expect(await site.projects.findById('web')).toBeNull();
  });

  it('keeps its status while the runtime does not respond, and continues afterwards', async () => {
    const { id } = await create();
    await is(id, 'running');
    let asked = 0;
    site.runtime.onReconcile = () => {
      asked++;
      return Promise.reject(new Unavailable('away'));
    };
    site.runtime.change(id);
    await until(() => asked > 0);
    expect((await site.service.get(id, caller)).status).toBe('running');
    answers({ status: 'failed', reason: 'gone' });
    site.runtime.change(id);
    await is(id, 'failed');
  });

  it('cancels what began before the stop, then stops, and starts again', async () => {
    const { id } = await create();
    await is(id, 'running');
    expect((await site.service.stop(id, caller)).status).toBe('stopping');
    const { changedAt } = (await site.projects.findById(id))!;
    await is(id, 'stopped');
    expect(user.left).toEqual([{ projectId: id, before: changedAt, why: 'The project was stopped.' }]);
    expect((await site.service.stop(id, caller)).status).toBe('stopped');
    expect((await site.service.start(id, caller)).status).toBe('pending');
    await is(id, 'running');
    const types = site.events.types.slice(2);
    expect(types).toEqual(['project.stopping', 'project.stopped', 'project.pending', 'project.started']);
  });

  it.each<[string, (id: string) => Promise<unknown>, string]>([
    ['stopped', (id) => site.service.stop(id, caller), 'The project was stopped.'],
    ['restarted', (id) => site.service.restart(id, caller), 'The project was restarted.'],
    ['changed', (id) => site.service.update(id, { image: 'other' }, caller), 'The project was restarted.'],
    ['deleted', (id) => site.service.delete(id, false, caller), 'The project was deleted.'],
  ])('tells its dependents why they must leave: it is %s', async (_what, end, why) => {
    const { id } = await create();
    await is(id, 'running');
    await end(id);
    await until(() => user.left.length > 0);
    expect(user.left[0]).toMatchObject({ projectId: id, why });
  });

  it('tells its dependents that its time to live has passed', async () => {
    const { id } = await create({ ttlSeconds: 0 });
    await until(() => user.left.length > 0);
    expect(user.left[0]).toMatchObject({ projectId: id, why: 'The project was deleted: its time to live has passed.' });
  });

  it('discards an observation if the desired state changed meanwhile', async () => {
    const { id } = await create();
    await is(id, 'running');
    let saw: (condition: Finding) => void = () => undefined;
    let asked = 0;
    site.runtime.onReconcile = ({ desired }) => {
      if (desired === 'stopped') return Promise.resolve(null);
      asked++;
      return new Promise((resolve) => (saw = resolve));
    };
    site.runtime.change(id);
    await until(() => asked === 1);
    await site.service.stop(id, caller);
    saw({ status: 'failed', reason: 'an old view' });
    await is(id, 'stopped');
    expect(site.events.types).not.toContain('project.failed');
  });

  it('ends its dependents before it is deleted, and retries until everything is gone', async () => {
    const { id } = await create();
    await is(id, 'running');
    const steps: string[] = [];
    user.onLeave = () => Promise.resolve(void steps.push('left'));
    let attempts = 0;
    site.runtime.onRemove = () => {
      steps.push('removed');
      return Promise.resolve(++attempts > 1);
    };
    const deletion = site.service.delete(id, true, caller);
    await until(() => attempts === 1);
    expect(await site.projects.findById(id)).toMatchObject({ status: 'terminating', keepStorage: true });
    await expect(site.service.start(id, caller)).rejects.toMatchObject({ code: 'CONFLICT' });
    await expect(site.service.admitCommand(id, caller)).rejects.toMatchObject({ code: 'PROJECT_NOT_RUNNING' });
    expect(await deletion).toBeNull();
    expect(steps).toEqual(['left', 'removed', 'left', 'removed']);
    expect(site.events.types.slice(2)).toEqual(['project.terminating', 'project.deleted']);
  });

  it('is left alone by a replica that was to delete an earlier one with its id, and was paused', async () => {
    const { id } = await create();
    await is(id, 'running');
    let removals = 0;
    site.runtime.onRemove = () => Promise.resolve(++removals > 0);
    user.onLeave = async () => {
      user.onLeave = () => Promise.resolve();
      await site.projects.delete(id);
      await create({ id });
    };
    const deletion = site.service.delete(id, false, caller);
    await until(async () => (await site.projects.findById(id))?.status === 'running');
    expect(removals).toBe(0);
    expect(site.events.types).not.toContain('project.deleted');
    await site.projects.delete(id);
    expect(await deletion).toBeNull();
  });

  it('is deleted after its time to live', async () => {
    const { id } = await create({ ttlSeconds: 1 });
    await is(id, 'running');
    await until(async () => (await site.projects.findById(id)) === null);
    expect(site.events.all.at(-2)?.data).toMatchObject({
      status: 'terminating',
      reason: 'its time to live has passed',
    });
  });

  it('stops when it is idle, but not while it is used', async () => {
    user.active = true;
    const { id } = await create({ idleStopSeconds: 1 });
    await is(id, 'running');
    await until(async () => (await site.projects.idle('')).includes(id));
    site.reconciler.wake();
    await until(() => user.told.length > 0);
    expect((await site.service.get(id, caller)).status).toBe('running');
    user.active = false;
    await is(id, 'stopped');
    expect(site.events.all.at(-2)?.data).toEqual({ status: 'stopping', reason: 'no command has run for 1 s' });
  });

  describe('with a change', () => {
    it('keeps running if the pod does not depend on it', async () => {
      const { id } = await create();
      await is(id, 'running');
      const changed = await site.service.update(id, { name: 'new', egress: [], env: { SECRET: 'x' } }, caller);
      expect(changed).toMatchObject({ name: 'new', status: 'running' });
      expect(await site.service.environment(id)).toEqual({ SECRET: 'x' });
      const { type, data } = site.events.all.at(-1)!;
      expect([type, data]).toEqual(['project.updated', { fields: ['name', 'egress', 'env'] }]);
      expect(user.left).toEqual([]);
    });

    it('cancels its commands and restarts if the pod depends on it', async () => {
      const { id } = await create();
      await is(id, 'running');
      expect((await site.service.update(id, { image: 'i:2' }, caller)).status).toBe('stopping');
      await is(id, 'running');
      expect(user.left).toHaveLength(1);
      expect(await site.projects.findById(id)).toMatchObject({ image: 'i:2', desired: 'running' });
    });

    it('stays stopped', async () => {
      const { id } = await create();
      await is(id, 'running');
      await site.service.stop(id, caller);
      await is(id, 'stopped');
      expect((await site.service.update(id, { image: 'i:2' }, caller)).status).toBe('stopped');
    });
  });

  describe('and a command', () => {
    it('starts for it', async () => {
      const { id } = await create();
      await is(id, 'running');
      await site.service.stop(id, caller);
      await is(id, 'stopped');
      await site.service.admitCommand(id, caller);
      await is(id, 'running');
    });

    it('queues it while starting, and refuses it after a failure', async () => {
      answers({ status: 'pending', reason: null });
      const { id } = await create();
      await site.service.admitCommand(id, caller);
      answers({ status: 'failed', reason: 'no image' });
      site.runtime.change(id);
      await is(id, 'failed');
      await expect(site.service.admitCommand(id, caller)).rejects.toThrow('no image');
    });

    it('refuses it if the project is stopped and must not wake', async () => {
      const { id } = await create({ wakeOnCommand: false });
      await is(id, 'running');
      await site.service.admitCommand(id, caller);
      await site.service.stop(id, caller);
      await expect(site.service.admitCommand(id, caller)).rejects.toMatchObject({ code: 'PROJECT_NOT_RUNNING' });
    });
  });

  it('lets unmanaged projects be used, but not changed', async () => {
    const { id, createdAt } = aProject();
    const seen = {
      id,
      name: id,
      status: 'running',
      reason: null,
      image: null,
      labels: {},
      pod: 'p',
      node: 'n',
      createdAt,
    };
    site.runtime.seen.set(id, { ...seen, status: 'running' });
    await site.service.admitCommand(id, caller);
    site.runtime.outage = new Unavailable('no answer');
    await expect(site.service.admitCommand(id, caller)).rejects.toThrow('no answer');
    await expect(site.service.admitCommand('other', caller)).rejects.toThrow(NotFound);
    site.runtime.outage = null;
    for (const change of [
      site.service.update(id, { name: 'x' }, caller),
      site.service.start(id, caller),
      site.service.stop(id, caller),
      site.service.restart(id, caller),
      site.service.delete(id, false, caller),
    ])
      await expect(change).rejects.toMatchObject({ code: 'CONFLICT' });
    await expect(create({ id })).rejects.toMatchObject({ code: 'PROJECT_EXISTS' });
    site.runtime.seen.set(id, { ...seen, status: 'failed' });
    await expect(site.service.admitCommand(id, caller)).rejects.toMatchObject({ code: 'PROJECT_NOT_RUNNING' });
  });
});

describe('Reconciler', () => {
  it('continues the work of a killed replica, one replica at a time', async () => {
    const transactor = new InMemoryTransactor();
    const { projects, runtime, hooks } = projectsWithFakes(transactor, new InMemoryEventLog(transactor));
    const events = new InMemoryEventLog(transactor);
    const [pending, leaving] = [aProject({ status: 'pending' }), aProject({ status: 'terminating' })];
    projects.seed(pending);
    projects.seed(leaving);
    await projects.claim('killed', 0, 10);
    let atOnce = 0;
    let most = 0;
    runtime.onReconcile = async (_project: ManagedProject) => {
      most = Math.max(most, ++atOnce);
      await new Promise((resolve) => setImmediate(resolve));
      atOnce--;
      return null;
    };
    const replicas = Array.from(
      { length: 3 },
      () => new Reconciler(projects, runtime, hooks, transactor, events, new FakeClock()),
    );
    for (const replica of replicas) replica.onApplicationBootstrap();
    await until(async () => (await projects.findById(pending.id))?.status === 'running');
    await until(async () => (await projects.findById(leaving.id)) === null);
    await Promise.all(replicas.map((replica) => replica.beforeApplicationShutdown()));
    expect(most).toBe(1);
    expect([...events.types].sort()).toEqual(['project.deleted', 'project.started']);
  });

  it('leaves the work to other replicas on shutdown', async () => {
    const { projects, reconciler, runtime } = projectsWithFakes();
    const project = aProject({ status: 'pending' });
    projects.seed(project);
    let isAsked = false;
    let isAborted = false;
    runtime.onReconcile = (_project, signal) =>
      new Promise((_resolve, reject) => {
        isAsked = true;
        signal.addEventListener('abort', () => {
          isAborted = true;
          reject(signal.reason as Error);
        });
      });
    reconciler.onApplicationBootstrap();
    await until(() => isAsked);
    await reconciler.beforeApplicationShutdown();
    expect(isAborted).toBe(true);
    expect((await projects.claim('other', 60, 1)).map(({ id }) => id)).toEqual([project.id]);
  });
});

describe('a reason', () => {
  it('keeps its beginning and the advice at its end, however long the output in between', () => {
    const long = `git clone failed: ${'@'.repeat(5_000)}. Look at gitUrl`;
    expect(bounded(long)).toMatch(/^git clone failed: @+…@+\. Look at gitUrl$/);
    expect(bounded(long)!.length).toBeLessThanOrEqual(1_000);
    expect([bounded('short'), bounded(null)]).toEqual(['short', null]);
  });
});
