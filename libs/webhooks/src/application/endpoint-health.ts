import { CircuitState, ConsecutiveBreaker, type CircuitBreakerPolicy, circuitBreaker, handleAll } from 'cockatiel';
import { type Endpoint, nameOf } from '../domain/delivery.js';

const FAILURES_MAX = 5;
const OPEN_MS = 30_000;
/** Concurrent attempts on this replica. An origin has 16 connections: no attempt waits for one. */
export const CONCURRENT_MAX = { perEndpoint: 8, perOrigin: 16, perKey: 64 } as const;
/** Endpoints without an attempt whose failures are remembered, and for how long. */
const IDLE_MAX = 1_000;
const IDLE_MS = 3_600_000;

interface State extends Endpoint {
  readonly breaker: CircuitBreakerPolicy;
  openedAt: number;
  running: number;
  usedAt: number;
}

/** What is under way to an endpoint, and how many attempts more it takes. */
export interface EndpointLoad {
  readonly running: number;
  readonly room: number;
}

/** What a claim must leave alone. What is not listed has nothing under way, and all the room that there is. */
export interface Load {
  /** By name. */
  readonly endpoints: ReadonlyMap<string, EndpointLoad>;
  /** How many attempts are under way. */
  readonly origins: ReadonlyMap<string, number>;
  readonly keys: ReadonlyMap<string, number>;
}

/** Keeps an endpoint that is slow or dead from holding up the others. */
export class EndpointHealth {
  /** By name, the most recently used one last. */
  private readonly states = new Map<string, State>();

  load(now = performance.now()): Load {
    this.forgetIdle(now);
    const endpoints = new Map<string, EndpointLoad>();
    const [origins, keys] = [new Map<string, number>(), new Map<string, number>()];
    for (const [name, state] of this.states) {
      const { running, origin, keyId } = state;
      const room = roomOf(state, now);
      if (room < CONCURRENT_MAX.perEndpoint) endpoints.set(name, { running, room });
      if (running === 0) continue;
      origins.set(origin, (origins.get(origin) ?? 0) + running);
      keys.set(keyId, (keys.get(keyId) ?? 0) + running);
    }
    return { endpoints, origins, keys };
  }

  /** To how many endpoints nothing is sent, or one attempt to find out whether they have recovered. */
  get openCircuits(): number {
    return [...this.states.values()].filter(({ breaker }) => breaker.state !== CircuitState.Closed).length;
  }

  /** Runs an attempt. Five failures in a row open the breaker; then one attempt every 30 s tries again. */
  async run<T>(endpoint: Endpoint, attempt: () => Promise<T>, isSuccess: (result: T) => boolean): Promise<T> {
    const state = this.stateOf(endpoint);
    state.running++;
    let isIdleHealthy = false;
    try {
      const result = await through(state, attempt, isSuccess);
      isIdleHealthy = isSuccess(result) && state.running === 1;
      return result;
    } finally {
      state.running--;
      // A breaker that has counted failures is kept: the next one may open it.
      if (isIdleHealthy) this.states.delete(nameOf(endpoint));
    }
  }

  private stateOf({ keyId, origin }: Endpoint): State {
    const name = nameOf({ keyId, origin });
    const state = this.states.get(name) ?? newState(keyId, origin);
    state.usedAt = performance.now();
    this.states.delete(name);
    this.states.set(name, state);
    return state;
  }

  private forgetIdle(now: number): void {
    const idle = [...this.states].filter(([, { running }]) => running === 0);
    idle.forEach(([name, { usedAt }], i) => {
      if (i < idle.length - IDLE_MAX || usedAt < now - IDLE_MS) this.states.delete(name);
    });
  }
}

async function through<T>(
  { breaker }: State,
  attempt: () => Promise<T>,
  isSuccess: (result: T) => boolean,
): Promise<T> {
  let made: { readonly result: T } | undefined;
  try {
    await breaker.execute(async () => {
      made = { result: await attempt() };
      if (!isSuccess(made.result)) throw new Error('The attempt failed.');
    });
  } catch {
    // The breaker has counted it. If it opened after the delivery was claimed, the attempt is made all the same.
  }
  return made === undefined ? attempt() : made.result;
}

function newState(keyId: string, origin: string): State {
  const breaker = circuitBreaker(handleAll, {
    halfOpenAfter: OPEN_MS,
    breaker: new ConsecutiveBreaker(FAILURES_MAX),
  });
  const state: State = { keyId, origin, breaker, openedAt: 0, running: 0, usedAt: 0 };
  breaker.onBreak(() => (state.openedAt = performance.now()));
  return state;
}

function roomOf({ breaker, openedAt, running }: State, now: number): number {
  if (breaker.state === CircuitState.Closed) return CONCURRENT_MAX.perEndpoint - running;
  return now >= openedAt + OPEN_MS ? Math.max(0, 1 - running) : 0;
}
