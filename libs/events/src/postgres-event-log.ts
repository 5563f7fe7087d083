import {
  Clock,
  type EventFilter,
  EventLog,
  type LoggedEvent,
  type NewEvent,
  Notifier,
  Unavailable,
  currentActor,
  newId,
} from '@app/kernel';
import { Injectable } from '@nestjs/common';
import { Database, withinPage } from '@app/database';

/** The channel on which new events are announced. */
export const EVENTS_CHANNEL = 'events';

interface EventRow extends Omit<LoggedEvent, 'seq' | 'projectId'> {
  readonly seq: string;
  readonly projectId: string | null;
}

@Injectable()
export class PostgresEventLog implements EventLog {
  constructor(
    private readonly database: Database,
    private readonly notifier: Notifier,
    private readonly clock: Clock,
  ) {}

  async add(...events: readonly NewEvent[]): Promise<void> {
    const rows = events.map(({ type, projectId, target, outcome, data, details, actor }) => ({
      event_id: newId('evt', this.clock.now()),
      type,
      project_id: projectId ?? null,
      target,
      outcome,
      actor: actor ?? currentActor(),
      data,
      details,
    }));
    await this.insert(JSON.stringify(rows, wellFormed));
    this.database.afterCommit(() => {
      this.notifier.notify(EVENTS_CHANNEL, 'pending');
    });
  }

  async readAfter(seq: number, limit: number, filter: EventFilter = {}): Promise<readonly LoggedEvent[]> {
    const rows = await this.database.query<EventRow>(
      withinPage(
        `SELECT seq, id, type, at, project_id AS "projectId", target, outcome, actor, data FROM events
         WHERE seq > $1 AND ($3::text IS NULL OR project_id = $3) AND ($4::text[] IS NULL OR type = ANY($4))
         ORDER BY seq LIMIT $2`,
        ['actor', 'data'],
        'seq',
      ),
      [seq, limit, filter.projectId ?? null, filter.types ?? null],
    );
    return rows.map(({ id, type, at, target, outcome, actor, data, ...row }) => {
      const projectId = row.projectId ?? undefined;
      return { id, type, at, target, outcome, actor, data, seq: Number(row.seq), projectId };
    });
  }

  async lastSeq(): Promise<number> {
    const [row] = await this.database.query<{ seq: string }>('SELECT last_seq AS seq FROM event_log_head');
    return Number(row?.seq ?? 0);
  }

  subscribe(listener: () => void): () => void {
    const onHint = (what: string): void => {
      if (what === 'sealed') listener();
    };
    return this.notifier.subscribe(EVENTS_CHANNEL, onHint, listener);
  }

  private async insert(rows: string): Promise<void> {
    const sql = `INSERT INTO pending_events (event_id, type, project_id, target, outcome, actor, data, details)
       SELECT event_id, type, project_id, target, outcome, actor, data, details FROM json_to_recordset($1) AS e(event_id text,
         type text, project_id text, target text, outcome text, actor json, data json, details json)`;
    await this.database.query(sql, [rows]).catch((cause: unknown) => {
      throw cause instanceof Unavailable ? cause : new Unavailable('The action could not be recorded.', {}, { cause });
    });
  }
}

/** A record with half a character could not be verified: no canonical JSON has one. */
function wellFormed(_name: string, value: unknown): unknown {
  return typeof value === 'string' ? value.toWellFormed() : value;
}
