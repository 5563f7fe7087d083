import {
  InMemoryCommandRepository,
  InMemoryOutputLedger,
  aCommand,
  describeCommandRepository,
  describeOutputLedger,
} from './index.js';
import { lost } from '../src/domain/result.js';
import { START } from '../src/domain/position.js';

const nothing = (): Promise<void> => Promise.resolve();

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
    close: nothing,
  };
});

describeCommandRepository('in memory', async () => {
  const commands = new InMemoryCommandRepository();
  return {
    commands,
    admit: async (id, owner, leaseSeconds) => {
      const lease = { leaseOwner: owner, leaseExpiresAt: Date.now() + leaseSeconds * 1000 };
      commands.change(id, { status: 'starting', admittedAt: new Date() }, lease);
    },
    close: nothing,
  };
});
