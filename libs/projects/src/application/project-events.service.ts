import { type Caller, EventLog, InvalidCursor, type LoggedEvent, Waiter } from '@app/kernel';
import { Backoff, retryWhileUnavailable } from '@app/resilience';
import { Injectable } from '@nestjs/common';
import type { Project } from '../domain/project.js';
import { ProjectsService } from './projects.service.js';

/** Other events of the project are for the audit. */
const SHOWN = /^(project|command|queue)\./;
const BATCH = 100;
/** For lost hints. */
const POLL_MS = 1_000;
const RETRIES = new Backoff(1_000, 1_000, 1);

/** The events of one project, from a position in the event log on. */
export interface FollowedProject {
  readonly project: Project;
  /** The stream contains events after this `seq`. */
  readonly from: number;
  readonly events: (signal: AbortSignal) => AsyncGenerator<LoggedEvent>;
}

/** Follows the events of projects and their commands. */
@Injectable()
export class ProjectEventsService {
  constructor(
    private readonly projects: ProjectsService,
    private readonly log: EventLog,
  ) {}

  /**
   * Follows a project from a `seq` on, or from now. Ends with the event of its deletion.
   * @throws {@link NotFound}, or {@link InvalidCursor} if there is no such `seq` yet
   */
  async follow(id: string, after: number | null, caller: Caller): Promise<FollowedProject> {
    // Before the project is read: a change in between is then repeated rather than missed.
    const last = await this.log.lastSeq();
    if (after !== null && after > last) throw new InvalidCursor();
    const project = await this.projects.get(id, caller);
    const from = after ?? last;
    return { project, from, events: (signal) => this.read(id, from, signal) };
  }

  private async *read(projectId: string, from: number, signal: AbortSignal): AsyncGenerator<LoggedEvent> {
    const waiter = new Waiter();
    const leave = this.log.subscribe(waiter.raise);
    let seq = from;
    try {
      while (!signal.aborted) {
        // Its clients cannot all reconnect while the database is unavailable.
        const events = await retryWhileUnavailable(() => this.log.readAfter(seq, BATCH, { projectId }), {
          signal,
          backoff: RETRIES,
        });
        for (const event of events) {
          if (SHOWN.test(event.type)) yield event;
          seq = event.seq;
          if (event.type === 'project.deleted') return;
        }
        if (events.length === 0) await waiter.wait(POLL_MS, signal);
      }
    } finally {
      leave();
    }
  }
}
