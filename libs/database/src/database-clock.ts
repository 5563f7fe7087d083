import { Clock, Poller } from '@app/kernel';
import { Injectable, Logger, type OnApplicationBootstrap, type OnApplicationShutdown } from '@nestjs/common';
import type { DataSource } from 'typeorm';

const SYNC_MS = 5_000;
/** Clocks that are kept differ by far less. */
export const CLOCK_FAR_MS = 60_000;

/** What is read of the machine: the clock that somebody sets, and one that only goes on. */
export interface MachineClocks {
  wall(): number;
  elapsed(): number;
}

const MACHINE: MachineClocks = { wall: () => Date.now(), elapsed: () => performance.now() };

/**
 * The database's time without asking for it each time: what it was at the last look, and what has passed since by a
 * clock that nobody sets. So a jump of the machine's clock changes nothing, and one of the database's is followed
 * within seconds.
 */
@Injectable()
export class DatabaseClock implements OnApplicationBootstrap, OnApplicationShutdown, Clock {
  private readonly logger = new Logger(DatabaseClock.name);
  private readonly poller = new Poller(
    () => this.sync(),
    SYNC_MS,
    // Who needs the database says that it is unavailable; until it is back the time goes on.
    () => undefined,
  );
  private offsetMs = NaN;
  private isFar = false;

  private constructor(
    private readonly dataSource: Pick<DataSource, 'query'>,
    private readonly machine: MachineClocks,
  ) {}

  /** Comes back when it knows the time. */
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

  /** Looks at the database's clock. Answers that there is no more to do. */
  async sync(): Promise<boolean> {
    const asked = this.machine.elapsed();
    const [row] = await this.dataSource.query<{ ms: number }[]>(
      'SELECT 1000 * extract(epoch FROM clock_timestamp())::float8 AS ms',
    );
    const answered = this.machine.elapsed();
    if (row === undefined) throw new Error('The database did not tell the time.');
    // The answer was made somewhere between the two. An estimate that is within stays: slow answers do not move it to
    // and fro.
    const [least, most] = [row.ms - answered, row.ms - asked];
    this.offsetMs = Number.isNaN(this.offsetMs) ? (least + most) / 2 : Math.min(most, Math.max(least, this.offsetMs));
    this.tellDifference();
    return false;
  }

  /** Once when it becomes far, and once when it is not any more. */
  private tellDifference(): void {
    const { differenceMs } = this;
    const isFar = Math.abs(differenceMs) > CLOCK_FAR_MS;
    if (isFar && !this.isFar)
      this.logger.warn(
        { differenceMs },
        'The clock of this machine and that of the database differ: one of them is wrong',
      );
    if (!isFar && this.isFar) this.logger.log({ differenceMs }, 'The clocks of this machine and of the database agree');
    this.isFar = isFar;
  }
}
