import { STATUS_CODES } from 'node:http';
import { DomainError, StreamRoutes, currentRequest } from '@app/kernel';
import { type ArgumentsHost, Catch, type ExceptionFilter, HttpException, Logger } from '@nestjs/common';
import type { Request, Response } from 'express';
import { allowedMethods } from './allowed-methods.js';
import { breakOff } from './break-off.js';
import { type Problem, STATUS, httpProblem, problemBody } from './problem.js';
import { RefusalRecorder } from './refusal-recorder.js';
import { PublicUrl } from './public-url.js';
import { retryMs } from './retry.js';
import { Shutdown, ShuttingDown } from './shutdown.js';

const REFUSED: readonly number[] = [401, 403, 429];

/** Responds to every error with `application/problem+json`. @see RFC 9457 */
@Catch()
export class ProblemFilter implements ExceptionFilter {
  private readonly logger = new Logger(ProblemFilter.name);

  constructor(
    private readonly refusals: RefusalRecorder,
    private readonly streams: StreamRoutes,
    private readonly publicUrl: PublicUrl,
    private readonly shutdown: Shutdown,
  ) {}

  catch(thrown: unknown, host: ArgumentsHost): void {
    const error = this.shutdown.isStopping && isFailure(thrown) ? new ShuttingDown(thrown) : thrown;
    const request = host.switchToHttp().getRequest<Request>();
    const response = host.switchToHttp().getResponse<Response>();
    const problem = this.toProblem(error, request, response);
    const [path = ''] = request.originalUrl.split('?', 1);
    const { status, code } = problem;
    if (REFUSED.includes(status)) this.refusals.note({ status, code, method: request.method, path });
    this.logFailure(problem, error, response);
    const requestId = currentRequest()?.requestId ?? null;
    if (response.headersSent) {
      // The status has been sent: only a broken connection can show that the response is incomplete.
      breakOff(response);
      return;
    }
    if (error instanceof DomainError && error.retryAfterSeconds !== undefined) {
      response.setHeader('Retry-After', String(error.retryAfterSeconds));
    }
    if (problem.retryable === true && this.isForEventSource(request)) {
      sendRetryOnly(response, error);
      return;
    }
    if (problem.status === 401) response.setHeader('WWW-Authenticate', 'Bearer realm="rdev"');
    response
      .status(problem.status)
      .type('application/problem+json')
      .send(JSON.stringify(problemBody(problem, this.publicUrl.of(path), requestId)));
  }

  /** EventSource uses a ticket instead of a key. */
  private isForEventSource({ method, path, query }: Request): boolean {
    return method === 'GET' && query.ticket !== undefined && this.streams.find(path) !== null;
  }

  /** The log line of the request contains the error; a request that fails before it has a context has no line. */
  private logFailure({ status }: Problem, error: unknown, response: Response): void {
    if (status < 500) return;
    Object.assign(response, { err: error });
    if (currentRequest() === null) this.logger.error({ err: error }, 'A request failed');
  }

  private toProblem(error: unknown, request: Request, response: Response): Problem {
    if (error instanceof DomainError) {
      const { kind, code, message, retryable, details, errors } = error;
      return {
        status: STATUS[kind],
        code,
        detail: message,
        retryable,
        extra: { ...details, ...(errors && { errors }) },
      };
    }
    const status = frameworkStatus(error);
    if (status === 404) return unknownRoute(request, response);
    if (status >= 500) return { status: 500, code: 'INTERNAL', retryable: false };
    return httpProblem(status, frameworkDetail(error, status));
  }
}

/** Sends a stream with only a `retry:`, since EventSource does not reconnect after any status but 200. */
function sendRetryOnly(response: Response, error: unknown): void {
  const seconds = error instanceof DomainError ? error.retryAfterSeconds : undefined;
  response
    .status(200)
    .set({
      'Content-Type': 'text/event-stream; charset=utf-8',
      'Cache-Control': 'no-store, no-cache, no-transform',
      'X-Accel-Buffering': 'no',
    })
    .end(`retry: ${String(retryMs(seconds))}\n\n`);
}

/** Express throws errors with a status, Nest throws HttpExceptions; anything else is a bug. */
function frameworkStatus(error: unknown): number {
  if (error instanceof HttpException) return error.getStatus();
  const status = (error as { status?: unknown } | null)?.status;
  return typeof status === 'number' && status >= 400 && status < 500 ? status : 500;
}

function frameworkDetail(error: unknown, status: number): string {
  return error instanceof HttpException ? error.message : (STATUS_CODES[status] ?? 'The request is malformed.');
}

function unknownRoute(request: Request, response: Response): Problem {
  const allowed = allowedMethods(request);
  if (allowed.length === 0) return { status: 404, code: 'NOT_FOUND', detail: 'There is no such route.' };
  response.setHeader('Allow', allowed.join(', '));
  return { status: 405, code: 'METHOD_NOT_ALLOWED', detail: `This route allows ${allowed.join(', ')}.` };
}

/** An error for which the client is not responsible, and the cluster neither. */
function isFailure(error: unknown): boolean {
  return error instanceof DomainError ? error.code === 'UNAVAILABLE' : frameworkStatus(error) === 500;
}
