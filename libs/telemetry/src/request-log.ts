import type { IncomingMessage, ServerResponse } from 'node:http';
import { LogThrottle } from '@app/kernel';

const FAILURE_EVERY_MS = 10_000;

type Response = ServerResponse & { err?: unknown };

/**
 * Level and extra fields of the log line of a request: server failures are errors with their cause, throttled by kind.
 */
export class RequestLog {
  private readonly suppressed = new WeakMap<ServerResponse, number>();

  constructor(private readonly throttle = new LogThrottle(FAILURE_EVERY_MS)) {}

  readonly level = (_request: IncomingMessage, response: Response, error?: Error): 'info' | 'error' | 'silent' => {
    if (response.err === undefined && response.statusCode < 500) return 'info';
    const count = this.throttle.admit(kindOf(response.err ?? error ?? response.statusCode));
    if (count === null) return 'silent';
    this.suppressed.set(response, count);
    return 'error';
  };

  /** Adds the number of suppressed lines of the same kind. */
  readonly fields = (_request: IncomingMessage, response: Response, _error: Error, fields: object): object => {
    const suppressed = this.suppressed.get(response) ?? 0;
    return suppressed === 0 ? fields : { ...fields, alike: suppressed };
  };
}

/** The kind by the root cause. Only the beginning of a message: names and numbers at the end vary. */
function kindOf(error: unknown): string {
  let bottom = error;
  for (let depth = 0; depth < 5 && bottom instanceof Error && bottom.cause instanceof Error; depth++)
    bottom = bottom.cause;
  if (!(bottom instanceof Error)) return String(bottom);
  const { code } = bottom as { code?: unknown };
  return typeof code === 'string' ? code : `${bottom.name} ${bottom.message.slice(0, 40)}`;
}
