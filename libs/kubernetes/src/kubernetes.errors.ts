import { Unavailable } from '@app/kernel';

/**
 * The Kubernetes API is unavailable: no response in time, no connection, an overloaded server or refused credentials.
 */
export class ClusterUnavailable extends Unavailable {
  override readonly code = 'CLUSTER_UNAVAILABLE';
  override readonly retryAfterSeconds: number;

  /** The cause is for logs; clients always get the same text, because causes contain hosts and addresses. */
  constructor(cause?: Error, retryAfterSeconds = 1) {
    super('The Kubernetes API is unavailable.', {}, cause === undefined ? undefined : { cause });
    this.retryAfterSeconds = retryAfterSeconds;
  }
}

/**
 * The Kubernetes API understood the request and refused it, for example with 404 or 409. Not a domain error: the caller
 * knows what it means there and translates it.
 */
export class KubernetesApiError extends Error {
  override readonly name = 'KubernetesApiError';

  /**
   * @param status the HTTP status, or the `code` of a Kubernetes `Status` object
   * @param reason machine-readable, such as `NotFound`, `AlreadyExists` or `InternalError`; empty if unknown
   */
  constructor(
    readonly status: number,
    readonly reason: string,
    message: string,
  ) {
    super(redact(message) || `The Kubernetes API returned ${String(status)}.`);
  }
}

/** The `Status` object that the Kubernetes API returns for failures, as far as it is used. */
export interface StatusBody {
  readonly status?: string;
  readonly code?: number;
  readonly reason?: string;
  readonly message?: string;
  readonly details?: { readonly causes?: readonly { readonly reason?: string; readonly message?: string }[] };
}

const MESSAGE_LENGTH_MAX = 1000;
/** Includes 401: the credentials are rdev's own, and token rotation can fix it without a change to the request. */
const UNAVAILABLE_STATUSES: ReadonlySet<number> = new Set([401, 408, 429, 500, 502, 503, 504]);

/** The error for a response that is not a success. The body may be a `Status`, or any text from a proxy. */
export function errorFromResponse(status: number, body: string): ClusterUnavailable | KubernetesApiError {
  const error = apiErrorFrom(status, body);
  return UNAVAILABLE_STATUSES.has(status) ? new ClusterUnavailable(error) : error;
}

/** The same for an exec, where 500 means that this container cannot be entered, not that the cluster is unavailable. */
export function errorFromExecResponse(status: number, body: string): ClusterUnavailable | KubernetesApiError {
  return status === 500 ? apiErrorFrom(status, body) : errorFromResponse(status, body);
}

const REFUSALS: ReadonlySet<number> = new Set([400, 403, 405, 422]);
/** How container runtimes report that a program does not exist or cannot be run. */
const CANNOT_RUN =
  /executable file .*not found|no such file or directory|not a directory|permission denied|exec format error/i;
/** How they report a container that is terminating, which matches the above too. */
const IS_ENDING = /cgroup|\/proc\//i;

/** Whether an exec failed permanently: it ran nothing, and a retry would not either. */
export function isFinalForExec({ status, message }: KubernetesApiError): boolean {
  return REFUSALS.has(status) || (/exec/i.test(message) && CANNOT_RUN.test(message) && !IS_ENDING.test(message));
}

/**
 * The error for a request without a response. Only the text of the original is kept: errors of HTTP and WebSocket
 * clients contain the request, and with it the bearer token or the client's private key.
 */
export function errorFromFailure(failure: unknown): ClusterUnavailable {
  if (failure instanceof ClusterUnavailable) return failure;
  return new ClusterUnavailable(new Error(textOf(failure)));
}

/** The error to log for a failure: the cause of {@link ClusterUnavailable}, or a safe copy of any other error. */
export function safeCause(failure: unknown): Error {
  const { cause } = errorFromFailure(failure);
  return cause instanceof Error ? cause : new Error('unknown failure');
}

/** The `Status` object in a body; null if there is none. */
export function parseStatus(body: string): StatusBody | null {
  try {
    const value: unknown = JSON.parse(body);
    return typeof value === 'object' && value !== null ? value : null;
  } catch {
    return null;
  }
}

function apiErrorFrom(status: number, body: string): KubernetesApiError {
  const parsed = parseStatus(body);
  return new KubernetesApiError(status, parsed?.reason ?? '', parsed?.message ?? body.trim());
}

function textOf(failure: unknown): string {
  const { message, errors } = (failure ?? {}) as Partial<AggregateError>;
  if (message) return redact(message);
  // Connecting to several addresses fails with an AggregateError, whose own message is empty.
  return Array.isArray(errors) ? errors.map(textOf).join('; ') : 'unknown failure';
}

function redact(text: string): string {
  return text
    .slice(0, MESSAGE_LENGTH_MAX)
    .replaceAll(/\b(Bearer|Basic)\s+[\w.~+/=-]+/gi, '$1 ***')
    .replaceAll(/\beyJ[\w-]+\.[\w-]+\.[\w-]*/g, '***');
}
