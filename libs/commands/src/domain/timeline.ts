import type { CommandSummary } from './command.js';

export const MILESTONES = ['queued', 'admitted', 'started', 'first_byte', 'cancel_requested', 'ended'] as const;
export type Milestone = (typeof MILESTONES)[number];

/** A milestone of a command, and how long after the previous one it came. */
export interface TimelineEntry {
  readonly event: Milestone;
  readonly at: Date;
  /** Milliseconds since the previous entry; 0 for the first. */
  readonly sincePreviousMs: number;
  /** Milliseconds since it was queued. */
  readonly sinceQueuedMs: number;
}

/** The milestones of a command so far, ordered by time. */
export function timelineOf(command: CommandSummary): readonly TimelineEntry[] {
  const times: Record<Milestone, Date | null> = {
    queued: command.createdAt,
    admitted: command.admittedAt,
    started: command.startedAt,
    first_byte: command.firstByteAt,
    cancel_requested: command.cancel?.requestedAt ?? null,
    ended: command.endedAt,
  };
  const happened = MILESTONES.flatMap((event) => {
    const at = times[event];
    return at === null ? [] : [{ event, at }];
  });
  // The sort is stable: entries of the same millisecond keep the order of the milestones.
  happened.sort((a, b) => a.at.getTime() - b.at.getTime());
  return happened.map(({ event, at }, index) => ({
    event,
    at,
    sincePreviousMs: at.getTime() - (happened[index - 1]?.at ?? at).getTime(),
    sinceQueuedMs: at.getTime() - command.createdAt.getTime(),
  }));
}
