import { Database } from '@app/database';
import { Injectable } from '@nestjs/common';

/** More are not counted. */
export const PENDING_MAX = 10_000;

export interface EventBacklogState {
  /** Events that have no place in the log yet, counted up to 10,000. */
  readonly pending: number;
  /** How long the oldest of them has waited; 0: there is none. */
  readonly pendingSeconds: number;
  /** How many events each durable reader has yet to read. */
  readonly readers: readonly { readonly name: string; readonly behind: number }[];
}

/** What is still to be done with events. */
@Injectable()
export class EventBacklog {
  constructor(private readonly database: Database) {}

  async read(): Promise<EventBacklogState> {
    const pending = await this.readPending();
    const readers = await this.database.query<EventBacklogState['readers'][number]>(
      `SELECT name, greatest(0, last_seq - seq)::float8 AS behind FROM event_cursors CROSS JOIN event_log_head ORDER BY name`,
    );
    return { ...pending, readers };
  }

  async readPending(): Promise<Omit<EventBacklogState, 'readers'>> {
    const [row] = await this.database.query<Omit<EventBacklogState, 'readers'>>(
      `SELECT (SELECT count(*)::int FROM (SELECT FROM pending_events LIMIT $1) AS counted) AS pending,
         (SELECT coalesce(greatest(0, extract(epoch FROM now() - at)), 0)::float8 FROM pending_events ORDER BY id LIMIT 1)
           AS "pendingSeconds"`,
      [PENDING_MAX],
    );
    return { pending: row?.pending ?? 0, pendingSeconds: row?.pendingSeconds ?? 0 };
  }
}
