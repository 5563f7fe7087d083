import { idFloor } from '@app/kernel';
import type { IdPrefix } from '@app/kernel';

/** A table that is split by time, so that what is too old goes as a whole partition. */
export interface PartitionedTable {
  readonly table: string;
  readonly period: 'day' | 'month';
  /** What the partition key holds: ids of that kind, which are time-ordered, or a timestamp. */
  readonly key: IdPrefix | 'timestamp';
  readonly retentionDays: number;
  /** A query that has a row while something older than `$1`, a value of the partition key, is still in use. */
  readonly inUse?: string;
}

export interface Partition {
  readonly name: string;
  readonly from: Date;
  readonly to: Date;
}

const DAY_MS = 86_400_000;
const NAME = /_p(\d{4})(\d{2})(\d{2})?$/;

/** The partition that holds that moment. Its name says which span it is. */
export function partitionAt({ table, period }: PartitionedTable, at: Date): Partition {
  const [year, month, day] = [at.getUTCFullYear(), at.getUTCMonth(), period === 'day' ? at.getUTCDate() : 1];
  const from = new Date(Date.UTC(year, month, day));
  const to = period === 'day' ? new Date(Date.UTC(year, month, day + 1)) : new Date(Date.UTC(year, month + 1, 1));
  const stamp = from
    .toISOString()
    .slice(0, period === 'day' ? 10 : 7)
    .replaceAll('-', '');
  return { name: `${table}_p${stamp}`, from, to };
}

/** The partitions that must be there: the one before now, for clocks that differ, the present one, and those ahead. */
export function neededPartitions(table: PartitionedTable, now: Date): Partition[] {
  const [year, month, day] = [now.getUTCFullYear(), now.getUTCMonth(), now.getUTCDate()];
  const ahead = table.period === 'day' ? 7 : 2;
  const needed = new Map<string, Partition>();
  for (let step = -1; step <= ahead; step++) {
    // By the calendar: 31 days after 31 January it is March.
    const at = table.period === 'day' ? Date.UTC(year, month, day + step) : Date.UTC(year, month + step, 1);
    const partition = partitionAt(table, new Date(at));
    needed.set(partition.name, partition);
  }
  return [...needed.values()];
}

/** Whether everything that a partition of that name can hold is older than the retention. */
export function isExpired(table: PartitionedTable, name: string, now: Date): boolean {
  const end = endOf(table, name);
  return end !== null && end.getTime() <= now.getTime() - table.retentionDays * DAY_MS;
}

/** The bound of a partition as an SQL literal. */
export function boundLiteral(table: PartitionedTable, at: Date): string {
  return `'${boundAt(table, at)}'`;
}

/** The value of the partition key at a moment. */
export function boundAt({ key }: PartitionedTable, at: Date): string {
  return key === 'timestamp' ? at.toISOString() : idFloor(key, at);
}

/** When the span of the partition of that name ends; null if the name is not one of a partition. */
export function endOf(table: PartitionedTable, name: string): Date | null {
  const match = NAME.exec(name);
  if (match === null) return null;
  const at = new Date(Date.UTC(Number(match[1]), Number(match[2]) - 1, Number(match[3] ?? 1)));
  return partitionAt(table, at).to;
}
