import { idFloor, idTime, type IdPrefix } from '@app/kernel';

/** A table that is partitioned by time, so that expired rows are dropped as a whole partition. */
export interface PartitionedTable {
  readonly table: string;
  readonly period: 'day' | 'month';
  /** The type of the partition key: time-ordered ids with this prefix, or a timestamp. */
  readonly key: IdPrefix | 'timestamp';
  readonly retentionDays: number;
  /**
   * A query that returns a row if the partition from `$1` to `$2`, values of its key, contains rows that are in use or
   * younger than `$3`: keys come from clocks that may have been wrong.
   */
  readonly inUse?: string;
}

export interface Partition {
  readonly name: string;
  readonly from: Date;
  readonly to: Date;
}

const DAY_MS = 86_400_000;
const NAME = /_p(\d{4})(\d{2})(\d{2})?$/;

/** The partition that contains the moment. Its name identifies its span. */
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

/** The required partitions: the previous one, for clocks that differ, the current one, and upcoming ones. */
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

/** Whether everything that the partition can contain is older than the retention. */
export function isExpired(table: PartitionedTable, name: string, now: Date): boolean {
  const end = partitionNamed(table, name)?.to;
  return end !== undefined && end <= keptSince(table, now);
}

/** The start of the retention. */
export function keptSince({ retentionDays }: PartitionedTable, now: Date): Date {
  return new Date(now.getTime() - retentionDays * DAY_MS);
}

/** The value of the partition key at a moment. */
export function boundAt({ key }: PartitionedTable, at: Date): string {
  return key === 'timestamp' ? at.toISOString() : idFloor(key, at);
}

/** The moment of a partition key value, as PostgreSQL formats it. */
export function timeOf({ key }: PartitionedTable, value: string): Date {
  return key === 'timestamp' ? new Date(value) : idTime(value);
}

/** The partition with the name; null if it is not the name of a partition. */
export function partitionNamed(table: PartitionedTable, name: string): Partition | null {
  const match = NAME.exec(name);
  if (match === null) return null;
  return partitionAt(table, new Date(Date.UTC(Number(match[1]), Number(match[2]) - 1, Number(match[3] ?? 1))));
}
