import { EventLog, Poller, Transactor, Unavailable } from '@app/kernel';
import { Injectable, Logger, type OnApplicationBootstrap, type OnApplicationShutdown } from '@nestjs/common';
import { keyExpiring } from '../domain/api-key.js';
import { ApiKeyRepository } from './api-key.repository.js';
import { TicketRepository } from './ticket.repository.js';

const INTERVAL_MS = 30_000;
const BATCH = 100;

/** Announces keys that are about to expire, once each, and deletes expired tickets. */
@Injectable()
export class KeyUpkeep implements OnApplicationBootstrap, OnApplicationShutdown {
  private readonly logger = new Logger(KeyUpkeep.name);
  private readonly poller = new Poller(
    () => this.run(),
    INTERVAL_MS,
    (error) => {
      if (!(error instanceof Unavailable)) this.logger.error({ err: error }, 'The upkeep of keys failed');
    },
  );

  constructor(
    private readonly keys: ApiKeyRepository,
    private readonly tickets: TicketRepository,
    private readonly transactor: Transactor,
    private readonly events: EventLog,
  ) {}

  onApplicationBootstrap(): void {
    this.poller.start();
  }

  async onApplicationShutdown(): Promise<void> {
    await this.poller.stop();
  }

  /** Returns whether there is more to do. */
  async run(): Promise<boolean> {
    await this.tickets.sweep();
    return this.transactor.run(async () => {
      const due = await this.keys.takeDueWarnings(BATCH);
      if (due.length > 0) await this.events.add(...due.map(keyExpiring));
      return due.length === BATCH;
    });
  }
}
