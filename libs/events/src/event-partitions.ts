import type { PartitionedTable } from '@app/database';

/** The log begins after the last record of a partition that is dropped. */
const moveStart = (partition: string): string => `
  UPDATE event_log_head SET start_seq = last.seq, start_hash = last.hash
  FROM (SELECT seq, hash FROM ${partition} ORDER BY seq DESC LIMIT 1) AS last WHERE last.seq > start_seq`;

/**
 * The partitions of the event log.
 * @param inUse says which must not be dropped yet, as {@link PartitionedTable.inUse}
 */
export function eventPartitions(retentionDays: number, inUse: string): PartitionedTable {
  const partitions = { table: 'events', period: 'month', key: 'timestamp' } as const;
  return { ...partitions, retentionDays, inUse, beforeDrop: moveStart, isAppendOnly: true };
}
