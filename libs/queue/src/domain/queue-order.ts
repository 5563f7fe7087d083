import { PRIORITIES, type Priority } from '@app/commands';

/** A command's position in its project's queue: smaller ones go first. */
export interface QueueOrder {
  /** When an urgent command would have to be created to be its equal. Changes only with the priority. */
  readonly dueAt: Date;
  /** The rank among its key's equals, for round-robin between keys. */
  readonly turn: number;
  readonly id: string;
}

/**
 * Time is divided into spans of `agingSeconds`. A command's weight is its priority, plus one for each span boundary
 * since its creation. Commands that are equal at one time are always equal, and have the same `dueAt`.
 */
export function dueAt(createdAt: Date, priority: Priority, agingSeconds: number): Date {
  const agingMs = agingSeconds * 1000;
  return new Date((Math.floor(createdAt.getTime() / agingMs) - PRIORITIES.indexOf(priority)) * agingMs);
}

export function compareOrder(a: QueueOrder, b: QueueOrder): number {
  return a.dueAt.getTime() - b.dueAt.getTime() || a.turn - b.turn || (a.id < b.id ? -1 : a.id > b.id ? 1 : 0);
}
