import { CircuitState, ConsecutiveBreaker, type CircuitBreakerPolicy, circuitBreaker, handleWhen } from 'cockatiel';
import type { Backoff } from './backoff.js';

export const CIRCUIT_STATES = ['closed', 'half_open', 'open'] as const;
export type CircuitStateName = (typeof CIRCUIT_STATES)[number];

export interface CircuitOptions {
  /** As many failures in a row open it. */
  readonly failuresMax: number;
  /** Whether an error shows that the other side is unavailable. Any other error says nothing about it. */
  readonly isFailure: (error: unknown) => boolean;
  /** Tests whether the other side is available again. Every error that is not a failure counts as a yes. */
  readonly probe: () => Promise<unknown>;
  /** How long the circuit is open before each probe. */
  readonly backoff: Backoff;
}

/** The circuit is not closed: the work was not tried. */
export class CircuitOpen extends Error {
  constructor(
    readonly retryAfterMs: number,
    cause: unknown,
  ) {
    super('Not tried: the circuit breaker is open.', { cause });
  }
}

/** cockatiel compares with `Date.now()`: if that is set back, a circuit would stay open. The probe is due by a timer. */
const ALWAYS_DUE = { duration: -Infinity, next: () => ALWAYS_DUE };

/**
 * A circuit breaker that probes by itself: no request of a client is risked, or waits for another one, to find out
 * whether the other side has recovered. Until a probe succeeds, all work is refused immediately.
 */
export class Circuit {
  private readonly breaker: CircuitBreakerPolicy;
  private timer: NodeJS.Timeout | undefined;
  private probes = 0;
  private probeAt = 0;
  private lastFailure: unknown;
  private isStopped = false;
  /** Since when it has not been closed; null: it is closed. */
  openSince: Date | null = null;

  constructor(private readonly options: CircuitOptions) {
    const isFailure = (error: unknown): boolean => {
      const counts = this.options.isFailure(error);
      if (counts) this.lastFailure = error;
      return counts;
    };
    this.breaker = circuitBreaker(handleWhen(isFailure), {
      breaker: new ConsecutiveBreaker(options.failuresMax),
      halfOpenAfter: ALWAYS_DUE,
    });
    this.breaker.onStateChange((state) => {
      this.changed(state);
    });
  }

  get state(): CircuitStateName {
    const { state } = this.breaker;
    if (state === CircuitState.Closed) return 'closed';
    return state === CircuitState.HalfOpen ? 'half_open' : 'open';
  }

  /** @throws {@link CircuitOpen} */
  assertClosed(): void {
    if (this.state !== 'closed') throw new CircuitOpen(Math.max(0, this.probeAt - performance.now()), this.lastFailure);
  }

  /** Does work whose failures and successes count. @throws {@link CircuitOpen}, or what the work throws */
  async run<T>(work: () => Promise<T>): Promise<T> {
    this.assertClosed();
    return this.breaker.execute(work);
  }

  /** No more probes. */
  stop(): void {
    this.isStopped = true;
    clearTimeout(this.timer);
  }

  private changed(state: CircuitState): void {
    clearTimeout(this.timer);
    if (state === CircuitState.Closed) {
      this.openSince = null;
      this.probes = 0;
    }
    if (state !== CircuitState.Open || this.isStopped) return;
    this.openSince ??= new Date();
    const ms = this.options.backoff.after(this.probes++);
    this.probeAt = performance.now() + ms;
    this.timer = setTimeout(() => {
      // Whether it succeeds is for the breaker; the next one is due when it opens again.
      this.breaker.execute(this.options.probe).catch(() => undefined);
    }, ms);
    this.timer.unref();
  }
}
