export { type KeptPlan, ObservedDatabase } from './kept-plans.js';
export {
  type OpenTestDatabase,
  PARTITIONED_TABLES,
  ROLES,
  type Role,
  createApiRole,
  openTestDatabase,
} from './open-test-database.js';
export { partitionAt } from '../src/partitions.js';
