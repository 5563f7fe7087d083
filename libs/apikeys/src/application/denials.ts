import {
  type Actor,
  EventLog,
  type NewEvent,
  Poller,
  Transactor,
  Unavailable,
  currentActor,
  runInRequest,
  subscriberOf,
} from '@app/kernel';
import { type BeforeApplicationShutdown, Injectable, Logger, type OnApplicationBootstrap } from '@nestjs/common';

const INTERVAL_MS = 2_000;
/** Kinds recorded separately per interval; all others count as one. So refused clients cannot fill the log. */
const KINDS_MAX = 20;
const OTHERS = 'others';
const PATH_LENGTH_MAX = 200;
/** Other refusals are not about authentication and have their own events. */
const CODES = new Set(['UNAUTHENTICATED', 'KEY_REVOKED', 'KEY_EXPIRED', 'IP_NOT_ALLOWED', 'INSUFFICIENT_SCOPE']);

interface Refused {
  readonly code: string;
  readonly method: string;
  /** Without the query, which may contain a ticket. */
  readonly path: string;
}

interface Denial {
  readonly actor: Actor;
  readonly data: Refused;
  attempts: number;
}

/**
 * Records refusals as `auth.denied`: for each caller and reason, the first attempt in an interval and the number of
 * attempts.
 */
@Injectable()
export class Denials implements OnApplicationBootstrap, BeforeApplicationShutdown {
  private readonly logger = new Logger(Denials.name);
  private collected = new Map<string, Denial>();
  private readonly poller = new Poller(
    () => this.record(),
    INTERVAL_MS,
    (error) => {
      if (!(error instanceof Unavailable)) this.logger.error({ err: error }, 'Refusals could not be recorded');
    },
  );

  constructor(
    private readonly transactor: Transactor,
    private readonly events: EventLog,
  ) {}

  onApplicationBootstrap(): void {
    this.poller.start();
  }

  async beforeApplicationShutdown(): Promise<void> {
    await this.poller.stop();
    await this.record().catch(() => undefined);
  }

  /** Must be called in the context of the refused request. */
  note({ code, method, path }: Refused): void {
    if (!CODES.has(code)) return;
    const actor = currentActor();
    const kind = JSON.stringify([code, actor.keyId, actor.ip === null ? null : subscriberOf(actor.ip)]);
    this.collect(kind, { actor, data: { code, method, path: path.slice(0, PATH_LENGTH_MAX) }, attempts: 1 });
  }

  /** Writes the collected refusals; keeps them if that fails. */
  async record(): Promise<boolean> {
    const collected = [...this.collected];
    this.collected = new Map();
    try {
      await this.transactor.run(async () => {
        for (const [, denial] of collected) await runAs(denial.actor, () => this.events.add(authDenied(denial)));
      });
    } catch (error) {
      for (const [kind, denial] of collected) this.collect(kind, denial);
      throw error;
    }
    return false;
  }

  private collect(kind: string, denial: Denial): void {
    const key = this.collected.has(kind) || this.collected.size < KINDS_MAX ? kind : OTHERS;
    const known = this.collected.get(key);
    if (known !== undefined) known.attempts += denial.attempts;
    else this.collected.set(key, denial);
  }
}

function runAs<T>(actor: Actor, work: () => T): T {
  return runInRequest({ requestId: actor.requestId ?? '', actor }, work);
}

function authDenied({ actor, data, attempts }: Denial): NewEvent {
  return { type: 'auth.denied', target: actor.keyId ?? actor.ip ?? '', outcome: 'denied', data: { ...data, attempts } };
}
