import { START, lost } from '@app/commands';
import { InMemoryCommandRepository, aCommand } from '@app/commands/testing';
import { InMemoryOutputLedger, describeOutputLedger } from './index.js';

describeOutputLedger('in memory', async () => {
  const commands = new InMemoryCommandRepository();
  return {
    ledger: new InMemoryOutputLedger(commands),
    running: async (owner) => {
      const command = aCommand();
      commands.seed(command, owner);
      return command.id;
    },
    handOver: async (id, owner) => {
      commands.change(id, {}, { leaseOwner: owner });
    },
    end: async (id, owner) => {
      await commands.end(id, owner, lost('unknown', 'by the test', START));
    },
    position: async (id) => (await commands.findById(id))!.position,
    close: () => Promise.resolve(),
  };
});
