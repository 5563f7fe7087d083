import { LogThrottle, currentRequest, maskSecrets, runInRequest } from '@app/kernel';
import type { NextFunction, Request, Response } from 'express';
import type { PinoLogger } from 'nestjs-pino';

const FAILURE_EVERY_MS = 10_000;
/** Probes would be most of all lines. */
const NOT_LOGGED = /^\/(health|ready)\b/;

/** The filter of problems adds the error. */
type Answer = Response & { err?: unknown };

/**
 * Logs a line per request when its response has been sent or its client has left: server failures as errors with their
 * cause, throttled by kind. A child logger per request, which pino-http has, costs more than the line.
 */
export class RequestLog {
  constructor(
    private readonly logger: Pick<PinoLogger, 'info' | 'error'>,
    private readonly throttle = new LogThrottle(FAILURE_EVERY_MS),
  ) {}

  /** Must follow the middleware that makes the context of the request. */
  readonly middleware = (request: Request, response: Answer, next: NextFunction): void => {
    const context = currentRequest();
    if (context !== null && !NOT_LOGGED.test(request.url)) {
      const since = performance.now();
      // Without a listener, such as for a write after the end, the process would end. A close follows.
      response.on('error', (error) => (response.err ??= error));
      response.once('close', () => {
        const responseTime = Math.round(performance.now() - since);
        runInRequest(context, () => {
          this.log(request, response, responseTime);
        });
      });
    }
    next();
  };

  private log(request: Request, response: Answer, responseTime: number): void {
    const { statusCode, headersSent, writableEnded } = response;
    const line = {
      req: { method: request.method, path: maskSecrets(request.originalUrl.split('?', 1)[0] ?? '') },
      res: { statusCode: headersSent ? statusCode : null },
      responseTime,
    };
    const isFailure = response.err !== undefined || statusCode >= 500;
    if (!isFailure) {
      const isComplete = writableEnded && !request.readableAborted;
      this.logger.info(line, isComplete ? 'request completed' : 'request aborted');
      return;
    }
    const err = response.err ?? new Error(`failed with status code ${String(statusCode)}`);
    const alike = this.throttle.admit(kindOf(err));
    if (alike !== null) this.logger.error({ ...line, err, ...(alike > 0 && { alike }) }, 'request errored');
  }
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
