import { PRIORITIES, type Priority } from '@app/commands';

/** A command's place in the queue of its project: the smaller one goes first. */
export interface QueueOrder {
  /** When an urgent command would have to have come to be its equal. It never changes while the priority stays. */
  readonly dueAt: Date;
  /** The how manieth of its key among its equals, so that keys take turns. */
  readonly turn: number;
  readonly id: string;
}

/**
 * Time is cut into spans of `agingSeconds`. A command is worth its priority, and one more for each boundary that has
 * passed since it came; who is worth the same at one time is so at all times, and has the same `dueAt`.
 */
export function dueAt(createdAt: Date, priority: Priority, agingSeconds: number): Date {
  const agingMs = agingSeconds * 1000;
  return new Date((Math.floor(createdAt.getTime() / agingMs) - PRIORITIES.indexOf(priority)) * agingMs);
}

export function compareOrder(a: QueueOrder, b: QueueOrder): number {
  return a.dueAt.getTime() - b.dueAt.getTime() || a.turn - b.turn || (a.id < b.id ? -1 : a.id > b.id ? 1 : 0);
}
