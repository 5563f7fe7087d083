/** Runs use cases in database transactions. Only application services open them. */
export abstract class Transactor {
  /**
   * Commits when `work` resolves and rolls back when it rejects; a nested run joins the outer one. `work` must not make
   * network calls.
   */
  abstract run<T>(work: () => Promise<T>): Promise<T>;
  /**
   * Runs the hint after the commit, never after a rollback; outside a transaction immediately. Losing it must be
   * harmless.
   */
  abstract afterCommit(hint: () => void): void;
}
