import { InMemoryProjectRepository, describeProjectRepository } from './index.js';

describeProjectRepository('in memory', async () => ({
  projects: new InMemoryProjectRepository(),
  close: () => Promise.resolve(),
}));
