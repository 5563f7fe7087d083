import { newId } from '@app/kernel';
import { Logger } from '@nestjs/common';
import type { DataSource } from 'typeorm';
import { DatabaseClock } from './database-clock.js';

const DAY_MS = 86_400_000;
const START = Date.UTC(2026, 0, 2);

/** Three clocks under control of a test: the database's, the machine's, and the monotonic one. */
class Clocks {
  database = START;
  machine = START;
  passed = 1_000;
  /** How long a query takes; the clock is read in the middle. */
  roundTripMs = 0;
  isUnavailable = false;

  readonly dataSource = {
    query: async () => {
      if (this.isUnavailable) throw new Error('It is unavailable.');
      this.pass(this.roundTripMs / 2);
      const ms = this.database;
      this.pass(this.roundTripMs / 2);
      return [{ ms }];
    },
  } as unknown as Pick<DataSource, 'query'>;

  readonly wall = (): number => this.machine;
  readonly elapsed = (): number => this.passed;

  pass(ms: number): void {
    this.database += ms;
    this.machine += ms;
    this.passed += ms;
  }
}

describe('DatabaseClock', () => {
  let clocks: Clocks;
  let said: unknown[];
  beforeEach(() => {
    clocks = new Clocks();
    said = [];
    const say = (fields: unknown): void => void said.push(fields);
    Logger.overrideLogger({ log: say, warn: say, error: say });
  });
  afterAll(() => Logger.overrideLogger(false));

  it("returns the database's time, whatever the machine's clock", async () => {
    clocks.machine += 32 * DAY_MS;
    const clock = await DatabaseClock.open(clocks.dataSource, clocks);
    expect(clock.now().getTime()).toBe(START);
    expect(clock.differenceMs).toBe(32 * DAY_MS);
    expect(said).toEqual([{ differenceMs: 32 * DAY_MS }]);
  });

  it('advances between syncs and during outages, and does not jump with the machine', async () => {
    const clock = await DatabaseClock.open(clocks.dataSource, clocks);
    clocks.isUnavailable = true;
    clocks.pass(2_000);
    await expect(clock.sync()).rejects.toThrow();
    clocks.machine += 10 * DAY_MS;
    expect(clock.now().getTime()).toBe(START + 2_000);
    expect(clock.differenceMs).toBe(10 * DAY_MS);
  });

  it('follows jumps of the database in both directions, as do ids', async () => {
    const clock = await DatabaseClock.open(clocks.dataSource, clocks);
    const before = newId('cmd', clock.now());
    clocks.database += 10 * DAY_MS;
    await clock.sync();
    expect(clock.now().getTime()).toBe(START + 10 * DAY_MS);
    const ahead = newId('cmd', clock.now());
    clocks.database -= 10 * DAY_MS;
    clocks.pass(5);
    await clock.sync();
    const after = newId('cmd', clock.now());
    expect([after, ahead, before].sort()).toEqual([before, after, ahead]);
  });

  it('is not moved by slow responses that are consistent with it', async () => {
    const clock = await DatabaseClock.open(clocks.dataSource, clocks);
    for (const roundTripMs of [4_000, 10, 900]) {
      clocks.roundTripMs = roundTripMs;
      await clock.sync();
      expect(clock.now().getTime()).toBe(clocks.database);
    }
  });

  it('logs once that the clocks differ, and once that they agree', async () => {
    const clock = await DatabaseClock.open(clocks.dataSource, clocks);
    await clock.sync();
    expect(said).toEqual([]);
    clocks.machine -= 90_000;
    await clock.sync();
    await clock.sync();
    expect(said).toEqual([{ differenceMs: -90_000 }]);
    clocks.machine += 90_000;
    await clock.sync();
    expect(said).toHaveLength(2);
  });
});
