/** A command's position in its project's queue: smaller ones go first. */
export interface QueueOrder {
  /**
   * When an urgent command would have to be created to be its equal. Changes only with the priority. The statement that
   * enqueues a command computes it, and the turn: `place()` in `postgres-command-queue.ts`.
   */
  readonly dueAt: Date;
  /** The rank among its key's equals, for round-robin between keys. */
  readonly turn: number;
  readonly id: string;
}

export function compareOrder(a: QueueOrder, b: QueueOrder): number {
  return a.dueAt.getTime() - b.dueAt.getTime() || a.turn - b.turn || (a.id < b.id ? -1 : a.id > b.id ? 1 : 0);
}
