export { Database } from './database.js';
export { DatabaseModule, type DatabaseOptions } from './database.module.js';
export { dataSourceOptions } from './data-source.js';
export { DataDirectoryInUse, EmbeddedPostgres, EmbeddedPostgresUnavailable } from './embedded/index.js';
export { isOutage, violatedUnique } from './errors.js';
export { migrate } from './migrate.js';
export { EVENTS_CHANNEL } from './postgres-event-log.js';
export { PartitionKeeper } from './partition-keeper.js';
export { type PartitionedTable } from './partitions.js';
