import { InMemoryCommandRepository, aNewCommand } from '@app/commands/testing';
import { QueueLimits } from '../src/application/queue-limits.js';
import { InMemoryAdmission, describeAdmission } from './index.js';

describeAdmission('in memory', async () => {
  const commands = new InMemoryCommandRepository();
  const runningPerProjectMax = 4;
  const limits = new QueueLimits(runningPerProjectMax, 100);
  return {
    here: new InMemoryAdmission(commands, limits),
    there: new InMemoryAdmission(commands, limits),
    runningPerProjectMax,
    queue: async (traits) => {
      const command = aNewCommand(traits);
      await commands.enqueue(command, 1_000);
      return command.id;
    },
    end: async (id) => {
      commands.change(id, { status: 'succeeded' }, { leaseOwner: null });
    },
    status: async (id) => (await commands.findById(id))!.status,
    close: () => Promise.resolve(),
  };
});
