import { type Grant, RequestAuthenticator } from '@app/http';
import { Unauthenticated } from '@app/kernel';
import { Injectable, Logger } from '@nestjs/common';
import type { Request } from 'express';
import { Authenticator } from '../../application/authenticator.js';
import { RightsWatch } from '../../application/rights-watch.js';
import { StreamTickets } from '../../application/stream-tickets.js';
import { type ApiKey, callerOf } from '../../domain/api-key.js';
import { MalformedKey } from '../../domain/api-key.errors.js';

/** Authenticates by a key in a header, or by a ticket in the query. */
@Injectable()
export class KeyAuthenticator implements RequestAuthenticator {
  private readonly logger = new Logger(KeyAuthenticator.name);

  constructor(
    private readonly authenticator: Authenticator,
    private readonly tickets: StreamTickets,
    private readonly rights: RightsWatch,
  ) {}

  async authenticate(request: Request): Promise<Grant> {
    const address = request.ip ?? null;
    const { ticket } = request.query;
    const text = keyOf(request);
    if (ticket === undefined) return this.grant(await this.authenticator.authenticate(text, address), () => undefined);
    if (text !== null) throw new Unauthenticated('Send a key or a ticket, not both.');
    return this.grant(await this.tickets.redeem(ticket, request.path, address), () => {
      this.endTicket(ticket as string);
    });
  }

  private grant(key: ApiKey, end: () => void): Grant {
    return { caller: callerOf(key), lease: { watch: (onLost) => this.rights.watch(key, onLost), end } };
  }

  private endTicket(ticket: string): void {
    // Harmless: the ticket stays valid for a stream that has already been read.
    this.tickets.end(ticket).catch((error: unknown) => {
      this.logger.warn({ err: error }, 'A ticket could not be ended');
    });
  }
}

function keyOf(request: Request): string | null {
  const authorization = request.get('authorization');
  const bearer = /^Bearer +(\S+)$/i.exec(authorization ?? '')?.[1];
  const text = bearer ?? request.get('x-api-key') ?? null;
  if (text === null && authorization !== undefined) throw new MalformedKey();
  return text;
}
