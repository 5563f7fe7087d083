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
 * An invalid value in a request (RFC 6901 pointer as a URI fragment, or the name of a parameter) and what is allowed.
 */
export interface InvalidField {
  readonly pointer: string;
  readonly detail: string;
}

/**
 * A failure that a client can act on. Message and details are shown to the client, the cause is not.
 * Independent of HTTP: `libs/http` maps the kind to a status.
 */
export abstract class DomainError extends Error {
  abstract readonly kind: ErrorKind;
  /** Stable and public; listed in docs/reference/problems.md. */
  abstract readonly code: string;
  /** Whether the same request may succeed later. */
  readonly retryable: boolean = false;
  /** When to try again, in seconds; becomes `Retry-After`. */
  readonly retryAfterSeconds?: number;
  /** The invalid fields. */
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

/** The input is malformed; lists the invalid fields. */
export class InvalidInput extends DomainError {
  readonly kind = 'invalid';
  readonly code = 'INVALID_REQUEST';

  constructor(override readonly errors: readonly InvalidField[]) {
    super(errors.map(({ pointer, detail }) => `${pointer}: ${detail}`).join('; '));
  }
}

/** The resource does not exist, or is not visible to the caller. */
export class NotFound extends DomainError {
  readonly kind = 'not-found';
  readonly code = 'NOT_FOUND';

  constructor(what: string, id: string) {
    super(`There is no ${what} "${id}".`);
  }
}

/** Something that rdev depends on is unavailable; a retry is safe. */
export class Unavailable extends DomainError {
  readonly kind = 'unavailable';
  readonly code: string = 'UNAVAILABLE';
  override readonly retryable = true;
  override readonly retryAfterSeconds: number = 1;
}
