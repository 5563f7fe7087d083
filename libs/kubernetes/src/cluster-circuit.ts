import { Backoff, Circuit, CircuitOpen } from '@app/resilience';
import { ClusterUnavailable, KubernetesApiError } from './kubernetes.errors.js';

const FAILURES_MAX = 5;
const PROBE_MS_FIRST = 1_000;
const PROBE_MS_LAST = 10_000;
/** Clients that were refused together must not come back together. */
const RETRY_SECONDS_SPREAD = 3;

/** The circuit breaker of one API server. @param probe a cheap read */
export function clusterCircuit(probe: () => Promise<unknown>): Circuit {
  return new Circuit({
    failuresMax: FAILURES_MAX,
    isFailure: isOutage,
    probe,
    backoff: new Backoff(PROBE_MS_FIRST, PROBE_MS_LAST),
  });
}

/** A response with a 4xx status shows that the API works, even if it means that rdev cannot use it now, such as 401. */
function isOutage(error: unknown): boolean {
  if (!(error instanceof ClusterUnavailable)) return false;
  const { cause } = error;
  return !(cause instanceof KubernetesApiError && cause.status < 500);
}

/** Runs work of the circuit, and says why if it is open. @throws {@link ClusterUnavailable}, or what the work throws */
export async function refusingOutage<T>(run: () => Promise<T>): Promise<T> {
  try {
    return await run();
  } catch (error) {
    throw error instanceof CircuitOpen ? unavailable(error) : error;
  }
}

/** Null: calls are made. */
export function outageOf(circuit: Circuit): ClusterUnavailable | null {
  try {
    circuit.assertClosed();
    return null;
  } catch (error) {
    if (error instanceof CircuitOpen) return unavailable(error);
    throw error;
  }
}

function unavailable(open: CircuitOpen): ClusterUnavailable {
  const seconds = Math.max(1, Math.ceil(open.retryAfterMs / 1_000));
  return new ClusterUnavailable(open, seconds + Math.floor(Math.random() * RETRY_SECONDS_SPREAD));
}
