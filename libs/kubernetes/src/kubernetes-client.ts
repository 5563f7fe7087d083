import type { Circuit } from '@app/resilience';
import { clusterCircuit, outageOf, refusingOutage } from './cluster-circuit.js';
import { type KubernetesOptions, loadKubeConfig } from './kube-config.js';
import { ClusterUnavailable, KubernetesApiError, errorFromResponse, errorFromFailure } from './kubernetes.errors.js';
import { tracedCall } from './call-span.js';
import { type ApiRequest, KubernetesTransport, readText } from './kubernetes-transport.js';

/** Limits of one call. */
export interface CallOptions {
  readonly signal?: AbortSignal | undefined;
  /** From the call to the last byte of the response; default 10 s. */
  readonly timeoutMs?: number;
}

const CALL_TIMEOUT_MS = 10_000;
/** Shorter than the time that a readiness check has, which would otherwise abort the call and not count as a failure. */
const REACHABLE_MS = 2_500;

/**
 * The client of one cluster: loads the credentials, limits the duration of calls and makes errors safe to log. While the
 * API fails, a circuit breaker refuses all calls immediately.
 */
export class KubernetesClient {
  readonly circuit: Circuit;

  private constructor(
    /** Namespace of the project pods. */
    readonly namespace: string,
    /** @internal For the rest of this library. */
    readonly transport: KubernetesTransport,
  ) {
    this.circuit = clusterCircuit(() => this.#send({ path: this.#podsPath() }, { timeoutMs: REACHABLE_MS }));
  }

  /** Connects on first use. @throws Error if the credentials cannot be loaded; it names the file, never its content */
  static async open(options: KubernetesOptions): Promise<KubernetesClient> {
    return new KubernetesClient(options.namespace, new KubernetesTransport(await loadKubeConfig(options)));
  }

  /**
   * Proves that the API responds and lets us list pods, which the documented role allows.
   * @throws {@link ClusterUnavailable} if it does not respond, {@link KubernetesApiError} if it refuses
   */
  async reachable(signal?: AbortSignal): Promise<void> {
    await this.getJson(this.#podsPath(), { signal, timeoutMs: REACHABLE_MS });
  }

  /** Why no call is made at the moment; null: calls are made. */
  get outage(): ClusterUnavailable | null {
    return outageOf(this.circuit);
  }

  /**
   * Reads one path of the API.
   * @throws {@link ClusterUnavailable}, {@link KubernetesApiError}, or the signal's reason
   */
  async getJson(path: string, options: CallOptions = {}): Promise<unknown> {
    return this.read(() => this.#send({ path }, options));
  }

  /**
   * Creates an object in a collection.
   * @throws {@link ClusterUnavailable}, {@link KubernetesApiError}, or the signal's reason
   */
  async create(path: string, object: object, options: CallOptions = {}): Promise<unknown> {
    return this.#write({ method: 'POST', path, ...bodyOf(object, 'application/json') }, options);
  }

  /**
   * Applies a JSON merge patch to an object (RFC 7396): maps are merged, lists replaced.
   * @throws {@link ClusterUnavailable}, {@link KubernetesApiError}, or the signal's reason
   */
  async patch(path: string, change: object, options: CallOptions = {}): Promise<unknown> {
    return this.#write({ method: 'PATCH', path, ...bodyOf(change, 'application/merge-patch+json') }, options);
  }

  /**
   * Deletes an object and its dependents; succeeds if it does not exist.
   * @param uid UID of the object: another one with the same name is left alone
   * @throws {@link ClusterUnavailable}, {@link KubernetesApiError}, or the signal's reason
   */
  async remove(path: string, uid: string | undefined, options: CallOptions = {}): Promise<void> {
    const body = bodyOf({ propagationPolicy: 'Background', preconditions: { uid } }, 'application/json');
    await orNull(this.#write({ method: 'DELETE', path, ...body }, options));
  }

  /**
   * Reads in another way, with failures that count for the circuit breaker.
   * @internal For the rest of this library.
   * @throws {@link ClusterUnavailable} if the circuit is open, or what the work throws
   */
  read<T>(work: () => Promise<T>): Promise<T> {
    return refusingOutage(() => this.circuit.run(work));
  }

  /** Ends probes and closes idle connections. */
  close(): void {
    this.circuit.stop();
    this.transport.close();
  }

  #podsPath(): string {
    return `/api/v1/namespaces/${this.namespace}/pods?limit=1`;
  }

  /** A write fails for reasons of its object too, such as an admission webhook: that does not count. */
  async #write(request: Omit<ApiRequest, 'signal'>, options: CallOptions): Promise<unknown> {
    const { outage } = this;
    if (outage !== null) throw outage;
    return this.#send(request, options);
  }

  async #send(request: Omit<ApiRequest, 'signal'>, options: CallOptions): Promise<unknown> {
    return tracedCall(request, (note) =>
      withDeadline(options, async (signal) => {
        const response = await this.transport.send({ ...request, signal });
        const text = await readText(response);
        const status = response.statusCode ?? 0;
        note(status);
        if (status < 200 || status > 299) throw errorFromResponse(status, text);
        return JSON.parse(text) as unknown;
      }),
    );
  }
}

/** Null if the object does not exist. */
export async function orNull<T>(response: Promise<T>): Promise<T | null> {
  try {
    return await response;
  } catch (error) {
    if (error instanceof KubernetesApiError && error.status === 404) return null;
    throw error;
  }
}

function bodyOf(object: object, type: string): Pick<ApiRequest, 'headers' | 'body'> {
  return { headers: { 'content-type': type }, body: JSON.stringify(object) };
}

/** Runs a call under the caller's signal and a time limit, and makes every failure safe to log. */
async function withDeadline<T>(options: CallOptions, run: (signal: AbortSignal) => Promise<T>): Promise<T> {
  const { signal: caller, timeoutMs = CALL_TIMEOUT_MS } = options;
  const deadline = AbortSignal.timeout(timeoutMs);
  try {
    return await run(caller ? AbortSignal.any([caller, deadline]) : deadline);
  } catch (error) {
    if (caller?.aborted) throw caller.reason;
    if (deadline.aborted) throw new ClusterUnavailable(new Error(`No response within ${String(timeoutMs)} ms.`));
    if (error instanceof KubernetesApiError) throw error;
    throw errorFromFailure(error);
  }
}
