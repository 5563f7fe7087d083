import type { PartitionedTable } from '@app/database';

/** What has not ended, or has ended within the retention, whatever the time in its id. The newest are the likeliest. */
export const IN_USE = `
  SELECT 1 FROM commands WHERE id >= $1 AND id < $2 AND (ended_at IS NULL OR ended_at > $3) ORDER BY id DESC LIMIT 1`;

/** Commands by the time within their id. */
export function commandPartitions(retentionDays: number): PartitionedTable {
  return { table: 'commands', period: 'month', key: 'cmd', retentionDays, inUse: IN_USE };
}
