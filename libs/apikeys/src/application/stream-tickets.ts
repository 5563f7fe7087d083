import { createHash, randomBytes } from 'node:crypto';
import {
  type Caller,
  EventLog,
  Idempotency,
  InvalidInput,
  type NewEvent,
  StreamRoutes,
  hasScope,
  InsufficientScope,
  Unauthenticated,
} from '@app/kernel';
import { Injectable } from '@nestjs/common';
import type { ApiKey } from '../domain/api-key.js';
import { ApiKeyRepository } from './api-key.repository.js';
import { Authenticator } from './authenticator.js';
import { TicketRepository } from './ticket.repository.js';

export interface IssuedTicket {
  /** Not stored: null in a replay of the request that issued it. */
  readonly ticket: string | null;
  readonly expiresAt: Date;
}

/**
 * A ticket opens one event stream with the rights of its key: for browsers, where EventSource cannot send a key.
 */
@Injectable()
export class StreamTickets {
  constructor(
    private readonly routes: StreamRoutes,
    private readonly tickets: TicketRepository,
    private readonly keys: ApiKeyRepository,
    private readonly authenticator: Authenticator,
    private readonly idempotency: Idempotency,
    private readonly events: EventLog,
  ) {}

  /**
   * @throws {@link InvalidInput}, {@link InsufficientScope}, or {@link NotFound} if the caller may not see the stream
   */
  async issue(path: string, caller: Caller): Promise<IssuedTicket> {
    const found = this.routes.find(path);
    if (found === null) throw new InvalidInput([{ pointer: '#/path', detail: 'must be the path of an event stream' }]);
    const { route, id } = found;
    if (!hasScope(caller, route.scope)) throw new InsufficientScope(route.scope);
    const { projectId } = await route.authorize(id, caller);
    const ticket = `rdevt_${randomBytes(32).toString('base64url')}`;
    const { id: expiresAt, replayOf } = await this.idempotency.once(async () => {
      const end = (await this.tickets.insert(hashOf(ticket), caller.keyId, path)).toISOString();
      await this.events.add(ticketCreated(path, projectId, end));
      return end;
    });
    return { ticket: replayOf === null ? ticket : null, expiresAt: new Date(expiresAt) };
  }

  /**
   * Returns the ticket's key in its current state.
   * @throws {@link Unauthenticated}, or the refusal of the key itself
   */
  async redeem(ticket: unknown, path: string, address: string | null): Promise<ApiKey> {
    if (this.routes.find(path) === null) throw new Unauthenticated('A ticket is valid only for its event stream.');
    const keyId = typeof ticket === 'string' ? await this.tickets.use(hashOf(ticket), path) : null;
    const key = keyId === null ? null : await this.keys.findById(keyId);
    if (key === null) throw new Unauthenticated('The ticket is not valid for this path or has expired.');
    this.authenticator.admit(key, address);
    return key;
  }

  /** To be called when the ticket's stream has ended. */
  async end(ticket: string): Promise<void> {
    await this.tickets.end(hashOf(ticket));
  }
}

function ticketCreated(path: string, projectId: string, expiresAt: string): NewEvent {
  return { type: 'ticket.created', projectId, target: path, outcome: 'succeeded', data: { expiresAt } };
}

function hashOf(ticket: string): Buffer {
  return createHash('sha256').update(ticket).digest();
}
