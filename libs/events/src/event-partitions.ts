import type { PartitionedTable } from '@app/database';

/** The database drops no month of the log earlier, whatever it is asked for. */
const RETENTION_DAYS_MIN = 30;

/** The partitions of the event log. Which of them can be dropped is decided by the database: see `drop_partition`. */
export function eventPartitions(retentionDays: number): PartitionedTable {
  return {
    table: 'events',
    period: 'month',
    key: 'timestamp',
    retentionDays: Math.max(retentionDays, RETENTION_DAYS_MIN),
  };
}
