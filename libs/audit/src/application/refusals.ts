import {
  type Actor,
  Clock,
  EventLog,
  Idempotency,
  type NewEvent,
  Poller,
  Unavailable,
  currentActor,
  newId,
  runInRequest,
  subscriberOf,
  maskSecrets,
} from '@app/kernel';
import { type BeforeApplicationShutdown, Injectable, Logger, type OnApplicationBootstrap } from '@nestjs/common';

const POLL_MS = 1_000;
const SPAN_MS = 60_000;
/** Kinds recorded separately in a span; all others count as one. So refused clients cannot fill the log. */
const KINDS_MAX = 50;
const OTHERS = 'others';
const PATH_LENGTH_MAX = 200;
/** Has an event of its own. */
const RECORDED_OTHERWISE = 'COMMAND_REJECTED';
const SYSTEM: Actor = { keyId: null, ip: null, userAgent: null, requestId: null, traceId: null };

interface Refused {
  readonly status: number;
  readonly code: string;
  readonly method: string;
  /** Without the query, which may contain a ticket. */
  readonly path: string;
}

/** Refusals of one kind in the current span. */
interface Kind {
  readonly actor: Actor;
  readonly first: Refused;
  isFirstRecorded: boolean;
  /** Refusals after the first one that are not recorded yet. */
  later: number;
}

/** Events that are recorded together, once, however often that is tried. */
interface Batch {
  readonly id: string;
  readonly events: readonly NewEvent[];
}

/**
 * Records refusals: for each kind, which is a reason, a key and an address, the first one soon, and the number of those
 * that follow within a minute at its end. Bounded in memory and in the log, for all clients together.
 */
@Injectable()
export class Refusals implements OnApplicationBootstrap, BeforeApplicationShutdown {
  private readonly logger = new Logger(Refusals.name);
  private readonly kinds = new Map<string, Kind>();
  private since: Date | null = null;
  private unsettled: Batch | null = null;
  private readonly poller = new Poller(
    () => this.record(),
    POLL_MS,
    (error) => {
      if (!(error instanceof Unavailable)) this.logger.error({ err: error }, 'Refusals could not be recorded');
    },
  );

  constructor(
    private readonly idempotency: Idempotency,
    private readonly events: EventLog,
    private readonly clock: Clock,
  ) {}

  onApplicationBootstrap(): void {
    this.poller.start();
  }

  async beforeApplicationShutdown(): Promise<void> {
    await this.poller.stop();
    await this.record(true).catch(() => undefined);
  }

  /** Must be called in the context of the refused request. */
  note({ status, code, method, path }: Refused): void {
    if (code === RECORDED_OTHERWISE) return;
    const actor = currentActor();
    const kind = JSON.stringify([code, actor.keyId, actor.ip === null ? null : subscriberOf(actor.ip)]);
    const key = this.kinds.has(kind) || this.kinds.size < KINDS_MAX ? kind : OTHERS;
    const known = this.kinds.get(key);
    this.since ??= this.clock.now();
    if (known !== undefined) known.later++;
    else
      this.kinds.set(key, {
        actor,
        first: { status, code, method, path: maskSecrets(path).slice(0, PATH_LENGTH_MAX) },
        isFirstRecorded: false,
        later: 0,
      });
  }

  /**
   * Records the first refusals, and at the end of a span the numbers of the others. What could not be recorded is tried
   * again, unchanged.
   * @param isEnd the span ends now
   */
  async record(isEnd = false): Promise<boolean> {
    if (this.unsettled !== null) await this.settle(this.unsettled);
    const batch = this.nextBatch(isEnd);
    if (batch !== null) await this.settle(batch);
    return false;
  }

  private nextBatch(isEnd: boolean): Batch | null {
    const now = this.clock.now();
    const events: NewEvent[] = [];
    for (const kind of this.kinds.values()) {
      if (!kind.isFirstRecorded) events.push(refused(kind, {}));
      kind.isFirstRecorded = true;
    }
    if (this.since !== null && (isEnd || now.getTime() - this.since.getTime() >= SPAN_MS)) {
      const { since } = this;
      for (const [key, kind] of this.kinds) {
        if (kind.later > 0) events.push(summary(kind, { since, until: now, isOthers: key === OTHERS }));
      }
      this.kinds.clear();
      this.since = null;
    }
    return events.length === 0 ? null : { id: newId('req', now), events };
  }

  /** As a request with an Idempotency-Key: if the answer to a COMMIT was lost, the events are not added again. */
  private async settle(batch: Batch): Promise<void> {
    this.unsettled = batch;
    const idempotency = { route: 'refusals', key: batch.id, fingerprint: Buffer.alloc(0) };
    await runInRequest({ requestId: batch.id, actor: SYSTEM, idempotency }, () =>
      this.idempotency.once(async () => {
        await this.events.add(...batch.events);
        return batch.id;
      }),
    );
    this.unsettled = null;
  }
}

function refused({ actor, first }: Kind, data: Readonly<Record<string, unknown>>): NewEvent {
  const type = first.status === 429 ? 'request.limited' : 'auth.denied';
  const { code, method, path } = first;
  const target = actor.keyId ?? actor.ip ?? '';
  return { type, target, outcome: 'denied', data: { code, method, path, attempts: 1, ...data }, actor };
}

/** @param span.isOthers they are of many kinds, and have only their number in common */
function summary(kind: Kind, span: { since: Date; until: Date; isOthers: boolean }): NewEvent {
  const { since, until, isOthers } = span;
  const data = { attempts: kind.later, since: since.toISOString(), until: until.toISOString() };
  if (!isOthers) return refused(kind, data);
  return { type: 'auth.denied', target: OTHERS, outcome: 'denied', data: { code: null, ...data }, actor: SYSTEM };
}
