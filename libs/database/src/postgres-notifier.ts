import { randomUUID } from 'node:crypto';
import { Notifier } from '@app/kernel';
import { Inject, Injectable, Logger, type OnApplicationShutdown, type OnModuleInit } from '@nestjs/common';
import { EventEmitter2 } from '@nestjs/event-emitter';
import pg from 'pg';
import { DataSource } from 'typeorm';

/** The URL of the database past any pooler: LISTEN needs a session of its own. */
export const DirectUrl = Symbol('DirectUrl');

const PG_CHANNEL = 'rdev';
const COALESCE_MS = 20;
const RECONNECT_MS = 500;
const KEEPALIVE_MS = 10_000;
const RESET = 'notifier.reset';

/**
 * Hints inside the replica go by the event emitter at once; to other replicas by NOTIFY, which is sent outside the
 * transactions, coalesced, as it would serialise their commits.
 */
@Injectable()
export class PostgresNotifier extends Notifier implements OnModuleInit, OnApplicationShutdown {
  private readonly logger = new Logger(PostgresNotifier.name);
  private readonly self = randomUUID();
  private readonly waiting = new Set<string>();
  private flushTimer: NodeJS.Timeout | undefined;
  private reconnectTimer: NodeJS.Timeout | undefined;
  private client: pg.Client | undefined;
  private stopped = false;

  constructor(
    private readonly dataSource: DataSource,
    private readonly emitter: EventEmitter2,
    @Inject(DirectUrl) private readonly url: string,
  ) {
    super();
    emitter.setMaxListeners(0);
  }

  async onModuleInit(): Promise<void> {
    await this.listen();
  }

  async onApplicationShutdown(): Promise<void> {
    this.stopped = true;
    clearTimeout(this.reconnectTimer);
    clearTimeout(this.flushTimer);
    await this.client?.end().catch(() => undefined);
  }

  notify(channel: string, payload: string): void {
    this.emitter.emit(topic(channel), payload);
    if (this.stopped) return;
    this.waiting.add(`${channel} ${payload}`);
    this.flushTimer ??= setTimeout(() => {
      this.flushTimer = undefined;
      void this.flush();
    }, COALESCE_MS);
  }

  subscribe(channel: string, onHint: (payload: string) => void, onReset?: () => void): () => void {
    this.emitter.on(topic(channel), onHint);
    if (onReset !== undefined) this.emitter.on(RESET, onReset);
    return () => {
      this.emitter.off(topic(channel), onHint);
      if (onReset !== undefined) this.emitter.off(RESET, onReset);
    };
  }

  private async flush(): Promise<void> {
    const hints = [...this.waiting].map((hint) => `${this.self} ${hint}`);
    this.waiting.clear();
    // A hint that cannot be sent is lost: the others poll.
    await this.dataSource
      .query('SELECT pg_notify($1, hint) FROM unnest($2::text[]) AS hint', [PG_CHANNEL, hints])
      .catch(() => undefined);
  }

  private async listen(): Promise<void> {
    const client = new pg.Client({
      connectionString: this.url,
      application_name: 'rdev-listen',
      keepAlive: true,
      connectionTimeoutMillis: 5_000,
      query_timeout: 5_000,
    });
    this.client = client;
    const timers: NodeJS.Timeout[] = [];
    let broken = false;
    const onBroken = (): void => {
      if (broken) return;
      broken = true;
      for (const timer of timers) clearInterval(timer);
      client.end().catch(() => undefined);
      this.reconnectLater();
    };
    client.on('error', onBroken);
    client.on('end', onBroken);
    client.on('notification', ({ payload }) => {
      this.receive(payload ?? '');
    });
    try {
      await client.connect();
      await client.query(`LISTEN ${PG_CHANNEL}`);
    } catch (error) {
      this.logger.warn({ err: error }, 'Cannot listen for hints of other replicas; trying again');
      onBroken();
      return;
    }
    // A connection can die without a word; a query notices.
    timers.push(
      setInterval(() => {
        client.query('SELECT 1').catch(onBroken);
      }, KEEPALIVE_MS),
    );
    this.emitter.emit(RESET);
  }

  private reconnectLater(): void {
    if (this.stopped) return;
    clearTimeout(this.reconnectTimer);
    this.reconnectTimer = setTimeout(() => {
      void this.listen();
    }, RECONNECT_MS);
  }

  private receive(message: string): void {
    const [sender, channel = '', ...payload] = message.split(' ');
    if (sender !== this.self) this.emitter.emit(topic(channel), payload.join(' '));
  }
}

function topic(channel: string): string {
  return `notifier.hint.${channel}`;
}
