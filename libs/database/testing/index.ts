export { type OpenTestDatabase, PARTITIONED_TABLES, openTestDatabase } from './open-test-database.js';
