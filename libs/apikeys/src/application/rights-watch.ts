import { Clock, Notifier, Poller, Unavailable } from '@app/kernel';
import { Injectable, Logger, type OnApplicationBootstrap, type OnApplicationShutdown } from '@nestjs/common';
import { type ApiKey, assertUsable } from '../domain/api-key.js';
import { RightsReduced, UnknownKey } from '../domain/api-key.errors.js';
import { accessBeyond } from '../domain/rights.js';
import { KEY_CHANGED, KeyCache } from './key-cache.js';

/** For expiry and missed announcements: a lost right takes effect within 2 s. */
const CHECK_MS = 500;

interface Watch {
  /** The key at the start of the response. */
  readonly key: ApiKey;
  readonly onLost: (reason: Error) => void;
}

/** Notifies long-running responses when their key loses rights. */
@Injectable()
export class RightsWatch implements OnApplicationBootstrap, OnApplicationShutdown {
  private readonly logger = new Logger(RightsWatch.name);
  private readonly watches = new Map<string, Set<Watch>>();
  private readonly poller = new Poller(
    () => this.check(),
    CHECK_MS,
    (error) => {
      if (!(error instanceof Unavailable))
        this.logger.error({ err: error }, 'The keys of streams could not be checked');
    },
  );
  private unsubscribe: (() => void) | undefined;

  constructor(
    private readonly cache: KeyCache,
    private readonly clock: Clock,
    private readonly notifier: Notifier,
  ) {}

  onApplicationBootstrap(): void {
    this.unsubscribe = this.notifier.subscribe(KEY_CHANGED, (prefix) => {
      if (this.watches.has(prefix)) this.poller.wake();
    });
    this.poller.start();
  }

  async onApplicationShutdown(): Promise<void> {
    this.unsubscribe?.();
    await this.poller.stop();
  }

  /**
   * Calls back once the key is revoked, expires, or has less access than now.
   * @returns a function that stops the watch
   */
  watch(key: ApiKey, onLost: (reason: Error) => void): () => void {
    const watch = { key, onLost };
    const watches = this.watches.get(key.prefix) ?? new Set();
    this.watches.set(key.prefix, watches.add(watch));
    return () => {
      watches.delete(watch);
      if (watches.size === 0 && this.watches.get(key.prefix) === watches) this.watches.delete(key.prefix);
    };
  }

  private async check(): Promise<boolean> {
    await Promise.all([...this.watches.keys()].map((prefix) => this.checkKey(prefix)));
    return false;
  }

  private async checkKey(prefix: string): Promise<void> {
    const current = await this.cache.findByPrefix(prefix);
    for (const { key, onLost } of [...(this.watches.get(prefix) ?? [])]) {
      const reason = this.lossReason(key, current);
      if (reason !== null) onLost(reason);
    }
  }

  private lossReason(before: ApiKey, current: ApiKey | null): Error | null {
    if (current === null) return new UnknownKey();
    try {
      assertUsable(current, this.clock.now());
    } catch (reason) {
      return reason as Error;
    }
    return accessBeyond(current, before).length === 0 ? null : new RightsReduced();
  }
}
