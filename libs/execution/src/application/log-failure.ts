import type { AttachmentEnd } from '@app/supervisor';
import type { Logger } from '@nestjs/common';

/** Logged once rather than for each attempt, since an outage may be long. */
export function logFailure(logger: Logger, end: AttachmentEnd, commandId: string, wasLogged: boolean): void {
  if (end.kind === 'dropped' && !wasLogged)
    logger.warn({ err: end.cause, commandId }, 'A command could not be reached; trying again');
  if (end.kind === 'refused' && !wasLogged)
    logger.warn({ detail: end.detail, commandId }, 'A command could not be reached: it is refused');
  if (end.kind === 'unsupported') logger.warn({ detail: end.detail, commandId }, 'A command could not be started');
}
