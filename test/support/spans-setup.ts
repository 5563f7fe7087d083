import { note } from './spans.js';

const before = process.cpuUsage();

beforeAll(() => {
  note({ what: 'load', to: Date.now() });
});

afterAll(() => {
  const { user, system } = process.cpuUsage(before);
  note({ what: 'cpu', ms: (user + system) / 1000 });
});
