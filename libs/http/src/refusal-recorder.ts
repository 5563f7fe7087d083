/** A request that was refused with 401, 403 or 429. */
export interface Refusal {
  readonly status: number;
  readonly code: string;
  readonly method: string;
  /** Without the query, which may contain a ticket. */
  readonly path: string;
}

/** Records refused requests for the audit. */
export abstract class RefusalRecorder {
  /** Must be called in the context of the refused request. Never throws, and takes next to no time. */
  abstract note(refusal: Refusal): void;
}
