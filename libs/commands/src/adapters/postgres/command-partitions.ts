import type { PartitionedTable } from '@app/database';

/**
 * Commands that have not ended, or ended within the retention, whatever the time in their id. Newest first, as the
 * likeliest.
 */
export const IN_USE = `
  SELECT 1 FROM commands WHERE id >= $1 AND id < $2 AND (ended_at IS NULL OR ended_at > $3) ORDER BY id DESC LIMIT 1`;

/** Commands, partitioned by the time in their id. */
export function commandPartitions(retentionDays: number): PartitionedTable {
  return { table: 'commands', period: 'month', key: 'cmd', retentionDays, inUse: IN_USE };
}
