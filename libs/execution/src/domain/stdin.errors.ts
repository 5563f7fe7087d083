import { DomainError } from '@app/kernel';

/** It was closed by a request or by the command, or was never open. */
export class StdinClosed extends DomainError {
  readonly kind = 'conflict';
  readonly code = 'STDIN_CLOSED';

  constructor(id: string, offset: number) {
    super(`The stdin of "${id}" is closed.`, { commandId: id, offset });
  }
}

export class StdinOffset extends DomainError {
  readonly kind = 'conflict';
  readonly code = 'STDIN_OFFSET';

  constructor(id: string, offset: number) {
    super(`"offset" does not match: ${String(offset)} bytes have been written to the stdin of "${id}".`, {
      commandId: id,
      offset,
    });
  }
}

export class StdinFull extends DomainError {
  readonly kind = 'rate-limited';
  readonly code = 'STDIN_FULL';
  override readonly retryable = true;
  override readonly retryAfterSeconds = 1;

  constructor(id: string, offset: number) {
    super(`The command "${id}" does not read what was written to its stdin.`, { commandId: id, offset });
  }
}

/** The connection broke before the response: the piece may have been written. */
export class StdinUnknown extends DomainError {
  readonly kind = 'unavailable';
  readonly code = 'CLUSTER_UNAVAILABLE';
  override readonly retryAfterSeconds = 1;
  override readonly retryable: boolean = true;

  /** @param offset if null, a retry could write the piece twice */
  constructor(id: string, offset: number | null, options: ErrorOptions) {
    super(
      `It is unknown whether the data reached the stdin of "${id}". Send the request again with "offset" to find out.`,
      {},
      options,
    );
    if (offset === null) this.retryable = false;
  }
}
