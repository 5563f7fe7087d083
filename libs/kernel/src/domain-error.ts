export type ErrorKind =
  | 'invalid'
  | 'unauthenticated'
  | 'forbidden'
  | 'not-found'
  | 'conflict'
  | 'gone'
  | 'too-large'
  | 'unprocessable'
  | 'rate-limited'
  | 'unavailable';

/**
 * Where in a request a value is wrong (RFC 6901 pointer as a URI fragment, or the name of a parameter) and what is
 * allowed.
 */
export interface InvalidField {
  readonly pointer: string;
  readonly detail: string;
}

/**
 * A failure that a caller can act on. Message and details are shown to the client, the cause is not.
 * It knows nothing of HTTP: `libs/http` maps the kind to a status.
 */
export abstract class DomainError extends Error {
  abstract readonly kind: ErrorKind;
  /** Stable and public; listed in docs/reference/problems.md. */
  abstract readonly code: string;
  /** Whether the same request may succeed later without a change. */
  readonly retryable: boolean = false;
  /** When to try again, in seconds; becomes `Retry-After`. */
  readonly retryAfterSeconds?: number;
  /** The fields at fault, for invalid input. */
  readonly errors?: readonly InvalidField[];

  constructor(
    message: string,
    readonly details: Readonly<Record<string, unknown>> = {},
    options?: ErrorOptions,
  ) {
    super(message, options);
    this.name = new.target.name;
  }
}

/** The input is malformed; names each field at fault. */
export class InvalidInput extends DomainError {
  readonly kind = 'invalid';
  readonly code = 'INVALID_REQUEST';

  constructor(override readonly errors: readonly InvalidField[]) {
    super(errors.map(({ pointer, detail }) => `${pointer}: ${detail}`).join('; '));
  }
}

/** There is no such thing, or the caller may not know of it. */
export class NotFound extends DomainError {
  readonly kind = 'not-found';
  readonly code = 'NOT_FOUND';

  constructor(what: string, id: string) {
    super(`There is no ${what} "${id}".`);
  }
}

/** Something that rdev needs does not answer; trying again is safe. */
export class Unavailable extends DomainError {
  readonly kind = 'unavailable';
  readonly code: string = 'UNAVAILABLE';
  override readonly retryable = true;
  override readonly retryAfterSeconds = 1;
}
