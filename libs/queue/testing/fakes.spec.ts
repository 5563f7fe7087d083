import { FakeCommandExecutor } from '@app/execution/testing';
import { InMemoryCommandRepository, aCommand, aNewCommand } from '@app/commands/testing';
import { QueueLimits } from '../src/application/queue-limits.js';
import {
  AGING_SECONDS,
  InMemoryAdmission,
  InMemoryQueueRepository,
  describeAdmission,
  describeQueueRepository,
} from './index.js';

describeAdmission('in memory', async () => {
  const commands = new InMemoryCommandRepository();
  const runningPerProjectMax = 4;
  const limits = new QueueLimits({ runningPerProjectMax, runningPerReplicaMax: 100, agingSeconds: AGING_SECONDS });
  const rules = { queuedMax: 1_000, agingSeconds: AGING_SECONDS };
  const executor = new FakeCommandExecutor();
  const [here, there] = [1, 2].map(() => new InMemoryAdmission(commands, limits, executor)) as [
    InMemoryAdmission,
    InMemoryAdmission,
  ];
  return {
    here,
    there,
    executor,
    runningPerProjectMax,
    queue: async (traits, waitedSeconds = 0) => {
      const command = aNewCommand(traits);
      await commands.enqueue(command, rules);
      const createdAt = new Date(Date.now() - waitedSeconds * 1000);
      commands.change(command.id, { createdAt });
      await commands.reprioritize(command.id, command.priority, rules);
      return command.id;
    },
    reprioritize: async (id, priority) => {
      await commands.reprioritize(id, priority, rules);
    },
    cancel: async (id) => {
      commands.change(id, { status: 'cancelled' });
    },
    limitKey: async (keyId, max) => {
      for (const admission of [here, there]) admission.keyMax.set(keyId, max);
    },
    pause: async (projectId, isPaused) => {
      for (const { closed } of [here, there]) {
        if (isPaused) closed.add(projectId);
        else closed.delete(projectId);
      }
    },
    setEnvironment: async (projectId, environment) => {
      for (const { environments } of [here, there]) environments.set(projectId, environment);
    },
    end: async (id) => {
      commands.change(id, { status: 'succeeded' }, { leaseOwner: null });
    },
    status: async (id) => (await commands.findById(id))!.status,
    close: () => Promise.resolve(),
  };
});

describeQueueRepository('in memory', async () => {
  const commands = new InMemoryCommandRepository();
  return {
    queues: new InMemoryQueueRepository(commands),
    queue: async (traits, waitedSeconds = 0) => {
      const command = aNewCommand(traits);
      await commands.enqueue(command, { queuedMax: 100, agingSeconds: 300 });
      commands.change(command.id, { createdAt: new Date(Date.now() - waitedSeconds * 1000) });
    },
    run: async (projectId) => {
      commands.seed(aCommand({ projectId }));
    },
    close: () => Promise.resolve(),
  };
});
