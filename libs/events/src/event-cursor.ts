import { EventLog, type LoggedEvent } from '@app/kernel';
import { Database } from '@app/database';
import { Injectable } from '@nestjs/common';

/** Positions of readers that must see each event once, whichever replica reads. */
@Injectable()
export class EventCursor {
  constructor(
    private readonly database: Database,
    private readonly log: EventLog,
  ) {}

  /**
   * Reads the next events and moves the position past those that the work has dealt with, in the transaction in which
   * it did: after a crash they are read again, and what was done is not there. One replica reads at a time; another one
   * reads nothing.
   * @param work returns how many of the events, the first ones, it has dealt with
   * @returns the same
   */
  advance(name: string, limit: number, work: (events: readonly LoggedEvent[]) => Promise<number>): Promise<number> {
    return this.database.run(async () => {
      const [cursor] = await this.database.query<{ seq: string }>(
        'SELECT seq FROM event_cursors WHERE name = $1 FOR UPDATE SKIP LOCKED',
        [name],
      );
      if (cursor === undefined) return 0;
      const events = await this.log.readAfter(Number(cursor.seq), limit);
      if (events.length === 0) return 0;
      const count = await work(events);
      const last = events[count - 1];
      if (last === undefined) return 0;
      await this.database.query('UPDATE event_cursors SET seq = $2 WHERE name = $1', [name, last.seq]);
      return count;
    });
  }
}
