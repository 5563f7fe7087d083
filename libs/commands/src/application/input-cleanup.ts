import { Poller, Unavailable } from '@app/kernel';
import { Injectable, Logger, type OnApplicationBootstrap, type OnApplicationShutdown } from '@nestjs/common';
import { CommandRepository } from './command.repository.js';

const INTERVAL_MS = 300_000;
/** As long as an Idempotency-Key is valid: until then a client may still ask whether its request got through. */
export const KEPT_SECONDS = 24 * 3_600;
/** Each of them may be 1 MiB. */
const BATCH = 50;

/** Drops the inputs of ended commands: variables and stdin may be secrets, and are not needed any more. */
@Injectable()
export class InputCleanup implements OnApplicationBootstrap, OnApplicationShutdown {
  private readonly logger = new Logger(InputCleanup.name);
  private readonly poller = new Poller(
    async () => (await this.commands.dropInputs(KEPT_SECONDS, BATCH)) === BATCH,
    INTERVAL_MS,
    (error) => {
      if (!(error instanceof Unavailable))
        this.logger.error({ err: error }, 'The inputs of ended commands could not be dropped');
    },
  );

  constructor(private readonly commands: CommandRepository) {}

  onApplicationBootstrap(): void {
    this.poller.start();
  }

  async onApplicationShutdown(): Promise<void> {
    await this.poller.stop();
  }
}
