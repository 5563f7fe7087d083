import { CommandHints } from '@app/commands';
import { InMemoryCommandRepository } from '@app/commands/testing';
import { NotFound, runInRequest } from '@app/kernel';
import {
  InMemoryEventLog,
  InMemoryIdempotency,
  InMemoryNotifier,
  InMemoryTransactor,
  aCaller,
} from '@app/kernel/testing';
import { aProject, projectsWithFakes } from '@app/projects/testing';
import { InMemoryQueueRepository } from '@app/queue/testing';
import { AllQueuesOutOfReach } from '../domain/queue.errors.js';
import { QueueService } from './queue.service.js';

const ALL = { limit: 200 };

describe('QueueService', () => {
  let queues: InMemoryQueueRepository;
  let events: InMemoryEventLog;
  let projects: ReturnType<typeof projectsWithFakes>;
  let service: QueueService;
  let wakes: number;
  const admin = aCaller();
  const limited = aCaller({ projects: ['web*'] });

  beforeEach(() => {
    const transactor = new InMemoryTransactor();
    queues = new InMemoryQueueRepository(new InMemoryCommandRepository(transactor));
    events = new InMemoryEventLog(transactor);
    projects = projectsWithFakes(transactor, events);
    for (const id of ['web', 'shop']) projects.projects.seed(aProject({ id }));
    const hints = new CommandHints(new InMemoryNotifier());
    wakes = 0;
    hints.onQueueChange(() => wakes++);
    service = new QueueService(
      queues,
      projects.service,
      transactor,
      new InMemoryIdempotency(transactor),
      events,
      hints,
    );
    service.onModuleInit();
  });

  const paused = async (): Promise<string[]> =>
    (await queues.list(null, ALL)).data.filter(({ isPaused }) => isPaused).map(({ projectId }) => projectId);

  it("pauses and resumes a project's queue, records each change once, and wakes the dispatcher", async () => {
    for (const isPaused of [true, true, false, false]) await service.pause('web', isPaused, limited);
    expect(events.all).toMatchObject([
      { type: 'queue.paused', projectId: 'web', target: 'web', outcome: 'succeeded' },
      { type: 'queue.resumed', projectId: 'web', target: 'web', outcome: 'succeeded' },
    ]);
    expect(wakes).toBe(4);
    expect(await paused()).toEqual([]);
  });

  it('pauses and resumes all queues only for callers that may see all projects', async () => {
    await service.pauseAll(true, admin);
    expect(await service.overview(ALL, limited)).toMatchObject({ isPaused: true, data: [] });
    await expect(service.pauseAll(false, limited)).rejects.toBeInstanceOf(AllQueuesOutOfReach);
    expect(await queues.isPaused(null)).toBe(true);
    await service.pauseAll(false, admin);
    expect(await queues.isPaused(null)).toBe(false);
    expect(events.all.map(({ type, projectId, target }) => [type, projectId, target])).toEqual([
      ['queue.paused', undefined, 'queue'],
      ['queue.resumed', undefined, 'queue'],
    ]);
  });

  it('answers a replay with the current state', async () => {
    const replayed = (route: string, work: () => Promise<boolean>): Promise<boolean> => {
      const actor = { keyId: admin.keyId, ip: null, userAgent: null, requestId: 'r' };
      const idempotency = { route, key: '"k"', fingerprint: Buffer.alloc(0) };
      return runInRequest({ requestId: 'r', actor, idempotency }, work);
    };
    for (const pause of [
      (isPaused: boolean) => service.pauseAll(isPaused, admin),
      (isPaused: boolean) => service.pause('web', isPaused, admin),
    ]) {
      const route = String(pause);
      expect(await replayed(route, () => pause(true))).toBe(true);
      expect(await replayed(route, () => pause(true))).toBe(true);
      expect(await pause(false)).toBe(false);
      expect(await replayed(route, () => pause(true))).toBe(false);
    }
    expect(await queues.isPaused(null)).toBe(false);
  });

  it('shows each caller only what it may see', async () => {
    for (const id of ['web', 'shop']) await service.pause(id, true, admin);
    const ids = async (caller: typeof admin): Promise<string[]> =>
      (await service.overview(ALL, caller)).data.map(({ projectId }) => projectId);
    expect(await ids(admin)).toEqual(['shop', 'web']);
    expect(await ids(limited)).toEqual(['web']);
    await expect(service.pause('shop', false, limited)).rejects.toBeInstanceOf(NotFound);
    await expect(service.pause('nowhere', true, admin)).rejects.toBeInstanceOf(NotFound);
    expect(await paused()).toEqual(['shop', 'web']);
  });

  it('removes the pause of a deleted project, so that a later project with the same id does not start paused', async () => {
    await service.pause('web', true, admin);
    await projects.hooks.onDelete('web');
    await projects.hooks.onDelete('web');
    expect(await paused()).toEqual([]);
    expect(events.types).toEqual(['queue.paused', 'queue.resumed']);
  });
});
