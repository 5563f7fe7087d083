import type { Clock } from '@app/kernel';
import {
  AFTER_END_SECONDS,
  FIRST_USE_SECONDS,
  REUSE_SECONDS,
  type TicketRepository,
} from '../src/application/ticket.repository.js';

interface Ticket {
  readonly keyId: string;
  readonly path: string;
  readonly createdAt: number;
  readonly used: boolean;
  readonly expiresAt: number;
}

export class InMemoryTicketRepository implements TicketRepository {
  private readonly tickets = new Map<string, Ticket>();

  constructor(private readonly clock: Clock) {}

  async insert(hash: Buffer, keyId: string, path: string): Promise<Date> {
    const createdAt = this.now;
    const expiresAt = createdAt + FIRST_USE_SECONDS * 1000;
    this.tickets.set(hash.toString('hex'), { keyId, path, createdAt, used: false, expiresAt });
    return new Date(expiresAt);
  }

  async use(hash: Buffer, path: string): Promise<string | null> {
    const ticket = this.tickets.get(hash.toString('hex'));
    if (ticket?.path !== path || ticket.expiresAt <= this.now) return null;
    const expiresAt = ticket.used ? ticket.expiresAt : ticket.createdAt + REUSE_SECONDS * 1000;
    this.tickets.set(hash.toString('hex'), { ...ticket, used: true, expiresAt });
    return ticket.keyId;
  }

  async end(hash: Buffer): Promise<void> {
    const ticket = this.tickets.get(hash.toString('hex'));
    if (ticket === undefined) return;
    const expiresAt = Math.min(ticket.expiresAt, this.now + AFTER_END_SECONDS * 1000);
    this.tickets.set(hash.toString('hex'), { ...ticket, expiresAt });
  }

  async sweep(): Promise<number> {
    const over = [...this.tickets].filter(([, { expiresAt }]) => expiresAt <= this.now);
    for (const [hash] of over) this.tickets.delete(hash);
    return over.length;
  }

  private get now(): number {
    return this.clock.now().getTime();
  }
}
