import { InMemoryAuditTrail, describeAuditTrail } from './index.js';

describeAuditTrail('in memory', () => {
  const trail = new InMemoryAuditTrail();
  return Promise.resolve({
    trail,
    append: (...records) => {
      trail.append(...records);
      return Promise.resolve();
    },
    close: () => Promise.resolve(),
  });
});
