import { CircuitState, ConsecutiveBreaker, type CircuitBreakerPolicy, circuitBreaker, handleAll } from 'cockatiel';

const FAILURES_MAX = 5;
const OPEN_MS = 30_000;
/** Concurrent attempts for an endpoint, on this replica. */
export const CONCURRENT_MAX = 8;

interface Endpoint {
  readonly breaker: CircuitBreakerPolicy;
  openedAt: number;
  running: number;
}

/** Keeps an endpoint that is slow or dead from holding up the others. */
export class EndpointHealth {
  private readonly endpoints = new Map<string, Endpoint>();

  /** How many more attempts each busy endpoint can take; the others take {@link CONCURRENT_MAX}. */
  capacity(now = performance.now()): ReadonlyMap<string, number> {
    return new Map(Array.from(this.endpoints, ([id, endpoint]) => [id, this.roomOf(endpoint, now)]));
  }

  /** Runs an attempt. Five failures in a row open the breaker; then one attempt every 30 s tries again. */
  async run<T>(id: string, attempt: () => Promise<T>, isSuccess: (result: T) => boolean): Promise<T> {
    const endpoint = this.endpointOf(id);
    endpoint.running++;
    let result: T | undefined;
    try {
      await endpoint.breaker.execute(async () => {
        result = await attempt();
        if (!isSuccess(result)) throw new Error('The attempt failed.');
      });
    } catch {
      // The breaker has counted it. If it opened after the delivery was claimed, the attempt is made all the same.
    }
    endpoint.running--;
    if (result === undefined) return attempt();
    // A breaker that has counted failures is kept: the next one may open it.
    if (endpoint.running === 0 && isSuccess(result)) this.endpoints.delete(id);
    return result;
  }

  private roomOf({ breaker, openedAt, running }: Endpoint, now: number): number {
    if (breaker.state === CircuitState.Closed) return CONCURRENT_MAX - running;
    return now >= openedAt + OPEN_MS ? Math.max(0, 1 - running) : 0;
  }

  private endpointOf(id: string): Endpoint {
    const known = this.endpoints.get(id);
    if (known !== undefined) return known;
    const breaker = circuitBreaker(handleAll, {
      halfOpenAfter: OPEN_MS,
      breaker: new ConsecutiveBreaker(FAILURES_MAX),
    });
    const endpoint: Endpoint = { breaker, openedAt: 0, running: 0 };
    breaker.onBreak(() => (endpoint.openedAt = performance.now()));
    this.endpoints.set(id, endpoint);
    return endpoint;
  }
}
