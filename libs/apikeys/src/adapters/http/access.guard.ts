import { ACCESS, type Access, type AuthenticatedRequest } from '@app/http';
import { FailedAttempts } from '@app/rate-limit';
import { type CanActivate, type ExecutionContext, Injectable, Logger } from '@nestjs/common';
import { Reflector } from '@nestjs/core';
import { Authenticator } from '../../application/authenticator.js';
import { RightsWatch } from '../../application/rights-watch.js';
import { StreamTickets } from '../../application/stream-tickets.js';
import { type ApiKey, callerOf } from '../../domain/api-key.js';
import { MalformedKey, Unauthenticated } from '../../domain/api-key.errors.js';

/** Global: a route says by a decorator who may call it, and one that says nothing cannot be called. Finds out who calls. */
@Injectable()
export class AccessGuard implements CanActivate {
  private readonly logger = new Logger(AccessGuard.name);

  constructor(
    private readonly reflector: Reflector,
    private readonly authenticator: Authenticator,
    private readonly failedAttempts: FailedAttempts,
    private readonly tickets: StreamTickets,
    private readonly rights: RightsWatch,
  ) {}

  async canActivate(context: ExecutionContext): Promise<boolean> {
    const targets = [context.getHandler(), context.getClass()];
    const access = this.reflector.getAllAndOverride<Access | undefined>(ACCESS, targets);
    if (access === 'public') return true;
    if (access === undefined) throw new Unauthenticated();
    const request = context.switchToHttp().getRequest<AuthenticatedRequest>();
    const key = await this.failedAttempts.watch(request, () => this.authenticate(request));
    request.caller = callerOf(key);
    request.watchRight = (onLost) => this.rights.watch(key, onLost);
    return true;
  }

  private async authenticate(request: AuthenticatedRequest): Promise<ApiKey> {
    const address = request.ip ?? null;
    const { ticket } = request.query;
    const text = keyOf(request);
    if (ticket === undefined) return this.authenticator.authenticate(text, address);
    if (text !== null) throw new Unauthenticated('Send a key or a ticket, not both.');
    const key = await this.tickets.redeem(ticket, request.path, address);
    request.onStreamEnd = () => {
      this.endTicket(ticket as string);
    };
    return key;
  }

  private endTicket(ticket: string): void {
    // Then it opens for the rest of its day what has been read already.
    this.tickets.end(ticket).catch((error: unknown) => {
      this.logger.warn({ err: error }, 'A ticket could not be ended');
    });
  }
}

function keyOf(request: AuthenticatedRequest): string | null {
  const authorization = request.get('authorization');
  const bearer = /^Bearer +(\S+)$/i.exec(authorization ?? '')?.[1];
  const text = bearer ?? request.get('x-api-key') ?? null;
  if (text === null && authorization !== undefined) throw new MalformedKey();
  return text;
}
