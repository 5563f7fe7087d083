import { open } from 'node:fs/promises';
import { Injectable, Logger, type OnApplicationBootstrap, type OnApplicationShutdown } from '@nestjs/common';

const CHECK_MS = 5_000;

/**
 * Says that there are no file descriptors left: Node then accepts no connections and says nothing about it, so that
 * clients wait for answers that nobody knows of.
 */
@Injectable()
export class DescriptorWatch implements OnApplicationBootstrap, OnApplicationShutdown {
  private readonly logger = new Logger(DescriptorWatch.name);
  private timer: NodeJS.Timeout | undefined;
  private isExhausted = false;

  onApplicationBootstrap(): void {
    this.timer = setInterval(() => void this.check(), CHECK_MS);
  }

  onApplicationShutdown(): void {
    clearInterval(this.timer);
  }

  /** Tries to open what is always there; tells when that changes. */
  async check(tryOpen = openAndClose): Promise<void> {
    const error: unknown = await tryOpen().then(
      () => null,
      (reason: unknown) => reason,
    );
    const isExhausted = /^E[MN]FILE$/.test(String((error as { code?: unknown } | null)?.code));
    if (isExhausted && !this.isExhausted)
      this.logger.error({ err: error }, 'No file descriptor is left: connections are not accepted, files not opened');
    if (!isExhausted && this.isExhausted) this.logger.log('There are file descriptors again');
    this.isExhausted = isExhausted;
  }
}

async function openAndClose(): Promise<void> {
  await (await open('/dev/null')).close();
}
