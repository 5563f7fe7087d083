import { InMemoryCommandRepository, describeCommandRepository } from './index.js';

const nothing = (): Promise<void> => Promise.resolve();

describeCommandRepository('in memory', async () => {
  const commands = new InMemoryCommandRepository();
  return {
    commands,
    admit: async (id, owner, leaseSeconds) => {
      const lease = { leaseOwner: owner, leaseExpiresAt: Date.now() + leaseSeconds * 1000 };
      commands.change(id, { status: 'starting', admittedAt: new Date() }, lease);
    },
    // This one has no older releases.
    forgetOutline: nothing,
    close: nothing,
  };
});
