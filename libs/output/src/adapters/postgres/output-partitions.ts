import { IN_USE } from '@app/commands';
import type { PartitionedTable } from '@app/database';

/** Output, partitioned by the time in the command's id. */
export function outputPartitions(retentionDays: number): PartitionedTable {
  return { table: 'command_output', period: 'day', key: 'cmd', retentionDays, inUse: IN_USE };
}
