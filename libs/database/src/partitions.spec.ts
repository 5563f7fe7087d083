import { idFloor } from '@app/kernel';
import { type PartitionedTable, boundAt, isExpired, neededPartitions, partitionAt } from './partitions.js';

const days: PartitionedTable = { table: 'command_output', period: 'day', key: 'cmd', retentionDays: 30 };
const months: PartitionedTable = { table: 'events', period: 'month', key: 'timestamp', retentionDays: 400 };
const at = (text: string): Date => new Date(text);

describe('partitionAt', () => {
  it.each([
    [days, '2026-03-01T00:00:00.000Z', 'command_output_p20260301', '2026-03-01', '2026-03-02'],
    [days, '2024-02-29T23:59:59.999Z', 'command_output_p20240229', '2024-02-29', '2024-03-01'],
    [months, '2026-12-31T23:59:59.999Z', 'events_p202612', '2026-12-01', '2027-01-01'],
    [months, '2027-01-01T00:00:00.000Z', 'events_p202701', '2027-01-01', '2027-02-01'],
  ])('%#: names the span by its start in UTC', (table, moment, name, from, to) => {
    expect(partitionAt(table, at(moment))).toEqual({ name, from: at(from), to: at(to) });
  });
});

describe('neededPartitions', () => {
  it('covers the previous day and a week ahead for days', () => {
    const names = neededPartitions(days, at('2026-02-27T12:00:00Z')).map(({ name }) => name);
    expect(names.map((name) => name.slice(-4))).toEqual([
      '0226',
      '0227',
      '0228',
      '0301',
      '0302',
      '0303',
      '0304',
      '0305',
      '0306',
    ]);
  });

  it.each([days, months])('%#: has no gap on any day of four years', (table) => {
    for (let day = 0; day < 1461; day++) {
      const now = new Date(Date.UTC(2024, 0, 1 + day, 23, 59, 59));
      const spans = neededPartitions(table, now);
      expect(spans.some(({ from, to }) => from <= now && now < to)).toBe(true);
      for (const [i, { from }] of spans.entries()) {
        if (i > 0)
          expect(`${now.toISOString()} ${from.toISOString()}`).toBe(
            `${now.toISOString()} ${spans[i - 1]!.to.toISOString()}`,
          );
      }
      expect(spans[0]!.to).toEqual(partitionAt(table, now).from);
      expect(spans.at(-1)!.to.getTime()).toBeGreaterThan(now.getTime() + 6 * 86_400_000);
    }
  });
});

describe('isExpired', () => {
  it('is true only if the last moment of the span is older than the retention', () => {
    const end = at('2026-03-02T00:00:00Z').getTime();
    const later = (ms: number): Date => new Date(end + 30 * 86_400_000 + ms);
    expect(isExpired(days, 'command_output_p20260301', later(-1))).toBe(false);
    expect(isExpired(days, 'command_output_p20260301', later(0))).toBe(true);
  });

  it.each(['command_output_default', 'command_output_p2026', 'x', ''])('is false for "%s"', (name) => {
    expect(isExpired(days, name, at('2999-01-01'))).toBe(false);
  });

  it('is false for required partitions', () => {
    for (const table of [days, months, { ...days, retentionDays: 1 }, { ...months, retentionDays: 1 }]) {
      const now = new Date();
      const [, ...present] = neededPartitions(table, now);
      expect(present.filter(({ name }) => isExpired(table, name, now))).toEqual([]);
    }
  });
});

describe('boundAt', () => {
  it('is a timestamp, or the smallest id of that moment', () => {
    const moment = at('2026-03-01T00:00:00Z');
    expect(boundAt(months, moment)).toBe('2026-03-01T00:00:00.000Z');
    expect(boundAt(days, moment)).toBe(idFloor('cmd', moment));
  });
});
