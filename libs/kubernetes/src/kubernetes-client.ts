import { type KubernetesOptions, loadKubeConfig } from './kube-config.js';
import { ClusterUnavailable, KubernetesApiError, errorFromResponse, errorFromFailure } from './kubernetes.errors.js';
import { type ApiRequest, KubernetesTransport, readText } from './kubernetes-transport.js';

/** Limits of one call. */
export interface CallOptions {
  readonly signal?: AbortSignal | undefined;
  /** From the call to the last byte of the response; default 10 s. */
  readonly timeoutMs?: number;
}

const CALL_TIMEOUT_MS = 10_000;

/** The client of one cluster: loads the credentials, limits the duration of calls and makes errors safe to log. */
export class KubernetesClient {
  private constructor(
    /** Namespace of the project pods. */
    readonly namespace: string,
    /** @internal For the rest of this library. */
    readonly transport: KubernetesTransport,
  ) {}

  /** Connects on first use. @throws Error if the credentials cannot be loaded; it names the file, never its content */
  static async open(options: KubernetesOptions): Promise<KubernetesClient> {
    return new KubernetesClient(options.namespace, new KubernetesTransport(await loadKubeConfig(options)));
  }

  /**
   * Proves that the API responds and lets us list pods, which the documented role allows.
   * @throws {@link ClusterUnavailable} if it does not respond, {@link KubernetesApiError} if it refuses
   */
  async reachable(signal?: AbortSignal): Promise<void> {
    await this.getJson(`/api/v1/namespaces/${this.namespace}/pods?limit=1`, { signal, timeoutMs: 5_000 });
  }

  /**
   * Reads one path of the API.
   * @throws {@link ClusterUnavailable}, {@link KubernetesApiError}, or the signal's reason
   */
  async getJson(path: string, options: CallOptions = {}): Promise<unknown> {
    return this.#json({ path }, options);
  }

  /**
   * Creates an object in a collection.
   * @throws {@link ClusterUnavailable}, {@link KubernetesApiError}, or the signal's reason
   */
  async create(path: string, object: object, options: CallOptions = {}): Promise<unknown> {
    return this.#json({ method: 'POST', path, ...bodyOf(object, 'application/json') }, options);
  }

  /**
   * Applies a JSON merge patch to an object (RFC 7396): maps are merged, lists replaced.
   * @throws {@link ClusterUnavailable}, {@link KubernetesApiError}, or the signal's reason
   */
  async patch(path: string, change: object, options: CallOptions = {}): Promise<unknown> {
    return this.#json({ method: 'PATCH', path, ...bodyOf(change, 'application/merge-patch+json') }, options);
  }

  /**
   * Deletes an object and its dependents; succeeds if it does not exist.
   * @param uid UID of the object: another one with the same name is left alone
   * @throws {@link ClusterUnavailable}, {@link KubernetesApiError}, or the signal's reason
   */
  async remove(path: string, uid: string | undefined, options: CallOptions = {}): Promise<void> {
    const body = bodyOf({ propagationPolicy: 'Background', preconditions: { uid } }, 'application/json');
    await orNull(this.#json({ method: 'DELETE', path, ...body }, options));
  }

  /** Closes idle connections. */
  close(): void {
    this.transport.close();
  }

  async #json(request: Omit<ApiRequest, 'signal'>, options: CallOptions): Promise<unknown> {
    return withDeadline(options, async (signal) => {
      const response = await this.transport.send({ ...request, signal });
      const text = await readText(response);
      const status = response.statusCode ?? 0;
      if (status < 200 || status > 299) throw errorFromResponse(status, text);
      return JSON.parse(text) as unknown;
    });
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
