import {
  InMemoryEventLog,
  InMemoryIdempotency,
  InMemoryNotifier,
  InMemoryTransactor,
  describeEventLog,
  describeIdempotency,
  describeNotifier,
  describeTransactor,
} from './index.js';

const nothing = (): Promise<void> => Promise.resolve();

describeTransactor('in memory', async () => {
  const transactor = new InMemoryTransactor();
  const keys = new Set<string>();
  return {
    transactor,
    put: async (key) => {
      keys.add(key);
      transactor.onRollback(() => keys.delete(key));
    },
    committed: async () => [...keys],
    close: nothing,
  };
});

describeNotifier('in memory', async () => {
  const transactor = new InMemoryTransactor();
  const here = new InMemoryNotifier(transactor);
  return { here, there: here.another(), transactor, close: nothing };
});

describeEventLog('in memory', async () => {
  const transactor = new InMemoryTransactor();
  return { transactor, log: new InMemoryEventLog(transactor), seal: nothing, close: nothing };
});

describeIdempotency('in memory', async () => {
  const idempotency = new InMemoryIdempotency();
  return { here: idempotency, there: idempotency, close: nothing };
});
