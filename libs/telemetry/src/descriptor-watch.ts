import { open } from 'node:fs/promises';
import { Injectable, Logger, type OnApplicationBootstrap, type OnApplicationShutdown } from '@nestjs/common';

const CHECK_MS = 5_000;

/**
 * Logs when no file descriptors are left: Node then silently accepts no connections, and clients wait without any
 * trace.
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

  /** Tries to open a file that always exists; logs changes. */
  async check(tryOpen = openAndClose): Promise<void> {
    const error: unknown = await tryOpen().then(
      () => null,
      (reason: unknown) => reason,
    );
    const isExhausted = /^E[MN]FILE$/.test(String((error as { code?: unknown } | null)?.code));
    if (isExhausted && !this.isExhausted)
      this.logger.error({ err: error }, 'No file descriptors left: cannot accept connections or open files');
    if (!isExhausted && this.isExhausted) this.logger.log('File descriptors are available again');
    this.isExhausted = isExhausted;
  }
}

async function openAndClose(): Promise<void> {
  await (await open('/dev/null')).close();
}
