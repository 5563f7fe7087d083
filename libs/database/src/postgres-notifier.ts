import { randomUUID } from 'node:crypto';
import { Coalescer, Notifier } from '@app/kernel';
import { Inject, Injectable, Logger, type OnApplicationShutdown, type OnModuleInit } from '@nestjs/common';
import { EventEmitter2 } from '@nestjs/event-emitter';
import pg from 'pg';
import { DataSource } from 'typeorm';
import { Database } from './database.js';
import { listenerName } from './replicas.js';

/** The URL of the database without a pooler: LISTEN needs its own session. */
export const DirectUrl = Symbol('DirectUrl');

const PG_CHANNEL = 'rdev';
const COALESCE_MS = 20;
const RECONNECT_MS = 500;
const PROVE_MS = 250;
/** Addressed to all replicas, including the sender. */
const ALL_REPLICAS = '*';
const PROOF = 'proof';
const RESET = 'notifier.reset';

/**
 * Delivers hints within the replica immediately by the event emitter; to other replicas by NOTIFY, coalesced and
 * outside the transactions, since NOTIFY would serialise their commits.
 */
@Injectable()
export class PostgresNotifier implements OnModuleInit, OnApplicationShutdown, Notifier {
  private readonly logger = new Logger(PostgresNotifier.name);
  private readonly self = randomUUID();
  private readonly hints = new Coalescer<string>(COALESCE_MS, (hints) => {
    void this.send(hints);
  });
  private reconnectTimer: NodeJS.Timeout | undefined;
  private proofTimer: NodeJS.Timeout | undefined;
  private client: pg.Client | undefined;
  private stopped = false;
  private provenAt = -Infinity;

  constructor(
    private readonly dataSource: DataSource,
    private readonly database: Database,
    private readonly emitter: EventEmitter2,
    @Inject(DirectUrl) private readonly url: string,
  ) {
    emitter.setMaxListeners(0);
  }

  async onModuleInit(): Promise<void> {
    await this.listen();
  }

  async onApplicationShutdown(): Promise<void> {
    this.stopped = true;
    clearTimeout(this.reconnectTimer);
    clearTimeout(this.proofTimer);
    await this.client?.end().catch(() => undefined);
  }

  notify(channel: string, payload: string): void {
    this.emitter.emit(topic(channel), payload);
    if (!this.stopped) this.hints.add(`${this.self} ${channel} ${payload}`);
  }

  async announce(channel: string, payload: string): Promise<void> {
    await this.database.query('SELECT pg_notify($1, $2)', [PG_CHANNEL, `${ALL_REPLICAS} ${channel} ${payload}`]);
    // The database delivers it again, since a commit may succeed although its response is lost.
    this.database.afterCommit(() => {
      this.emitter.emit(topic(channel), payload);
    });
  }

  get heardUntil(): number {
    return this.provenAt;
  }

  subscribe(channel: string, onHint: (payload: string) => void, onReset?: () => void): () => void {
    this.emitter.on(topic(channel), onHint);
    if (onReset !== undefined) this.emitter.on(RESET, onReset);
    return () => {
      this.emitter.off(topic(channel), onHint);
      if (onReset !== undefined) this.emitter.off(RESET, onReset);
    };
  }

  private async send(hints: readonly string[]): Promise<void> {
    // A hint that cannot be sent is lost: the other replicas poll.
    await this.dataSource
      .query('SELECT pg_notify($1, hint) FROM unnest($2::text[]) AS hint', [PG_CHANNEL, hints])
      .catch(() => undefined);
  }

  private async listen(): Promise<void> {
    const client = new pg.Client({
      connectionString: this.url,
      application_name: listenerName(),
      keepAlive: true,
      connectionTimeoutMillis: 5_000,
      query_timeout: 5_000,
    });
    this.client = client;
    let broken = false;
    const onBroken = (): void => {
      if (broken) return;
      broken = true;
      clearTimeout(this.proofTimer);
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
      this.logger.warn({ err: error }, 'Cannot listen for hints of other replicas; retrying');
      onBroken();
      return;
    }
    this.emitter.emit(RESET);
    const prove = (): void => {
      this.prove(client).then(() => {
        if (!broken && !this.stopped) this.proofTimer = setTimeout(prove, PROVE_MS);
      }, onBroken);
    };
    prove();
  }

  /** PostgreSQL delivers in commit order: when our own message arrives, all earlier announcements have arrived. */
  private async prove(client: pg.Client): Promise<void> {
    const proof = `${this.self} ${PROOF} ${String(performance.now())}`;
    await client.query('SELECT pg_notify($1, $2)', [PG_CHANNEL, proof]);
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
    if (channel === PROOF) {
      if (sender === this.self) this.provenAt = Number(payload[0]);
    } else if (sender !== this.self) this.emitter.emit(topic(channel), payload.join(' '));
  }
}

function topic(channel: string): string {
  return `notifier.hint.${channel}`;
}
