import { Clock, Poller } from '@app/kernel';
import { Injectable, Logger, type OnApplicationBootstrap, type OnApplicationShutdown } from '@nestjs/common';
import type { DataSource } from 'typeorm';

const SYNC_MS = 5_000;
/** Synchronised clocks differ by far less. */
export const CLOCK_DIFFERENCE_MAX_MS = 60_000;

/** The machine's wall clock, which can be set, and its monotonic clock. */
export interface MachineClocks {
  wall(): number;
  elapsed(): number;
}

const MACHINE: MachineClocks = { wall: () => Date.now(), elapsed: () => performance.now() };

/**
 * The database's time without a query each time: the time at the last sync plus the time elapsed on the monotonic
 * clock. A jump of the machine's clock has no effect, and a jump of the database's clock is followed within seconds.
 */
@Injectable()
export class DatabaseClock implements OnApplicationBootstrap, OnApplicationShutdown, Clock {
  private readonly logger = new Logger(DatabaseClock.name);
  private readonly poller = new Poller(
    () => this.sync(),
    SYNC_MS,
    // Other users of the database report the outage; until it recovers, the time continues.
    () => undefined,
  );
  private offsetMs = NaN;
  private isApart = false;

  private constructor(
    private readonly dataSource: Pick<DataSource, 'query'>,
    private readonly machine: MachineClocks,
  ) {}

  /** Resolves after the first sync. */
  static async open(dataSource: Pick<DataSource, 'query'>, machine = MACHINE): Promise<DatabaseClock> {
    const clock = new DatabaseClock(dataSource, machine);
    await clock.sync();
    return clock;
  }

  onApplicationBootstrap(): void {
    this.poller.start();
  }

  async onApplicationShutdown(): Promise<void> {
    await this.poller.stop();
  }

  now(): Date {
    return new Date(this.machine.elapsed() + this.offsetMs);
  }

  get differenceMs(): number {
    return Math.round(this.machine.wall() - this.now().getTime());
  }

  /** Reads the database's clock. Returns false: there is no more to do. */
  async sync(): Promise<boolean> {
    const asked = this.machine.elapsed();
    const [row] = await this.dataSource.query<{ ms: number }[]>(
      'SELECT 1000 * extract(epoch FROM clock_timestamp())::float8 AS ms',
    );
    const answered = this.machine.elapsed();
    if (row === undefined) throw new Error('The database returned no time.');
    // The clock was read at some moment between the two. An offset within these bounds is kept, so that slow responses
    // do not make it drift.
    const [least, most] = [row.ms - answered, row.ms - asked];
    this.offsetMs = Number.isNaN(this.offsetMs) ? (least + most) / 2 : Math.min(most, Math.max(least, this.offsetMs));
    this.logDifference();
    return false;
  }

  /** Logs once when the clocks begin to differ, and once when they agree again. */
  private logDifference(): void {
    const { differenceMs } = this;
    const isApart = Math.abs(differenceMs) > CLOCK_DIFFERENCE_MAX_MS;
    if (isApart && !this.isApart)
      this.logger.warn({ differenceMs }, 'The clocks of this machine and of the database differ: one of them is wrong');
    if (!isApart && this.isApart)
      this.logger.log({ differenceMs }, 'The clocks of this machine and of the database agree');
    this.isApart = isApart;
  }
}
