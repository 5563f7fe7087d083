import type { IncomingMessage, ServerResponse } from 'node:http';
import { Seldom } from '@app/kernel';

const FAILURE_EVERY_MS = 10_000;

type Response = ServerResponse & { err?: unknown };

/**
 * What a request's line says beyond the request: failures of the server are errors with their cause, and not a line
 * each.
 */
export class RequestLog {
  private readonly keptBack = new WeakMap<ServerResponse, number>();

  constructor(private readonly seldom = new Seldom(FAILURE_EVERY_MS)) {}

  readonly level = (_request: IncomingMessage, response: Response, error?: Error): 'info' | 'error' | 'silent' => {
    if (response.err === undefined && response.statusCode < 500) return 'info';
    const count = this.seldom.admit(kindOf(response.err ?? error ?? response.statusCode));
    if (count === null) return 'silent';
    this.keptBack.set(response, count);
    return 'error';
  };

  /** How many of the kind have had no line since the last one that had. */
  readonly fields = (_request: IncomingMessage, response: Response, _error: Error, fields: object): object => {
    const keptBack = this.keptBack.get(response) ?? 0;
    return keptBack === 0 ? fields : { ...fields, alike: keptBack };
  };
}

/** By what went wrong at the bottom. Texts vary in their ends, where there are names and numbers. */
function kindOf(error: unknown): string {
  let bottom = error;
  for (let depth = 0; depth < 5 && bottom instanceof Error && bottom.cause instanceof Error; depth++)
    bottom = bottom.cause;
  if (!(bottom instanceof Error)) return String(bottom);
  const { code } = bottom as { code?: unknown };
  return typeof code === 'string' ? code : `${bottom.name} ${bottom.message.slice(0, 40)}`;
}
