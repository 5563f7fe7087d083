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
/** So many are told apart in an interval; the rest is counted as one. Nobody fills the log by being refused. */
const KINDS_MAX = 20;
const OTHERS = 'others';
const PATH_LENGTH_MAX = 200;
/** Other refusals are about what was asked for, and have events of their own. */
const CODES = new Set(['UNAUTHENTICATED', 'KEY_REVOKED', 'KEY_EXPIRED', 'IP_NOT_ALLOWED', 'INSUFFICIENT_SCOPE']);

interface Refused {
  readonly code: string;
  readonly method: string;
  /** Without the query, which may hold a ticket. */
  readonly path: string;
}

interface Denial {
  readonly actor: Actor;
  readonly data: Refused;
  attempts: number;
}

/**
 * Records as `auth.denied` who was refused and why: the first attempt of each caller and reason in an interval, and how
 * many there were.
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

  /** Of the request in whose context it is called. */
  note({ code, method, path }: Refused): void {
    if (!CODES.has(code)) return;
    const actor = currentActor();
    const kind = JSON.stringify([code, actor.keyId, actor.ip === null ? null : subscriberOf(actor.ip)]);
    this.collect(kind, { actor, data: { code, method, path: path.slice(0, PATH_LENGTH_MAX) }, attempts: 1 });
  }

  /** Records what was collected; keeps it if that fails. */
  async record(): Promise<boolean> {
    const collected = [...this.collected];
    this.collected = new Map();
    try {
      await this.transactor.run(async () => {
        for (const [, denial] of collected) await inNameOf(denial.actor, () => this.events.add(authDenied(denial)));
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

function inNameOf<T>(actor: Actor, work: () => T): T {
  return runInRequest({ requestId: actor.requestId ?? '', actor }, work);
}

function authDenied({ actor, data, attempts }: Denial): NewEvent {
  return { type: 'auth.denied', target: actor.keyId ?? actor.ip ?? '', outcome: 'denied', data: { ...data, attempts } };
}
