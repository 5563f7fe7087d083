import { IN_USE } from '@app/commands';
import type { PartitionedTable } from '@app/database';

/** Output by the time within the id of its command. */
export function outputPartitions(retentionDays: number): PartitionedTable {
  return { table: 'command_output', period: 'day', key: 'cmd', retentionDays, inUse: IN_USE };
}
