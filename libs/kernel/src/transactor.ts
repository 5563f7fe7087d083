/** Runs use cases in a database transaction. Only application services open one. */
export abstract class Transactor {
  /**
   * Commits when `work` resolves and rolls back when it rejects; a nested run joins the outer one. No network calls
   * inside.
   */
  abstract run<T>(work: () => Promise<T>): Promise<T>;
  /**
   * Runs the hint after the commit, never after a rollback; outside a transaction at once. Losing it must be harmless.
   */
  abstract afterCommit(hint: () => void): void;
}
