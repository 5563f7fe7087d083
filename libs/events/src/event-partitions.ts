import type { PartitionedTable } from '@app/database';

/** The partitions of the event log. */
export function eventPartitions(retentionDays: number): PartitionedTable {
  return { table: 'events', period: 'month', key: 'timestamp', retentionDays, isAppendOnly: true };
}
