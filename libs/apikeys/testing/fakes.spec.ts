import { FakeClock } from '@app/kernel/testing';
import {
  InMemoryApiKeyRepository,
  InMemoryTicketRepository,
  describeApiKeyRepository,
  describeTicketRepository,
} from './index.js';

describeApiKeyRepository('in memory', async () => ({
  keys: new InMemoryApiKeyRepository(),
  close: () => Promise.resolve(),
}));

describeTicketRepository('in memory', async () => {
  const clock = new FakeClock();
  return {
    tickets: new InMemoryTicketRepository(clock),
    age: async (seconds) => clock.advance(seconds * 1000),
    close: () => Promise.resolve(),
  };
});
