import { type KubernetesOptions, loadKubeConfig } from './kube-config.js';
import { ClusterUnavailable, KubernetesApiError, errorFromAnswer, errorFromFailure } from './kubernetes.errors.js';
import { type ApiRequest, KubernetesTransport, readText } from './kubernetes-transport.js';

/** Limits of one call. */
export interface CallOptions {
  readonly signal?: AbortSignal | undefined;
  /** From the call to the last byte of the answer; default 10 s. */
  readonly timeoutMs?: number;
}

const CALL_TIMEOUT_MS = 10_000;

/** The configured way to one cluster: loads the credentials, limits every call in time and makes errors safe. */
export class KubernetesClient {
  private constructor(
    /** Where the pods of projects live. */
    readonly namespace: string,
    /** @internal For the rest of this library. */
    readonly transport: KubernetesTransport,
  ) {}

  /** Connects only when it is used. @throws Error if the credentials cannot be loaded; it names the file, never its content */
  static async open(options: KubernetesOptions): Promise<KubernetesClient> {
    return new KubernetesClient(options.namespace, new KubernetesTransport(await loadKubeConfig(options)));
  }

  /**
   * Proves that the API answers and lets us see pods, which is all that the documented role allows to ask.
   * @throws {@link ClusterUnavailable} if it does not answer, {@link KubernetesApiError} if it refuses
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

  /** Creates an object in a collection. @throws {@link ClusterUnavailable}, {@link KubernetesApiError}, or the signal's reason */
  async create(path: string, object: object, options: CallOptions = {}): Promise<unknown> {
    return this.#json({ method: 'POST', path, ...bodyOf(object, 'application/json') }, options);
  }

  /**
   * Changes an object as a JSON merge patch says (RFC 7396): maps are merged, lists replaced.
   * @throws {@link ClusterUnavailable}, {@link KubernetesApiError}, or the signal's reason
   */
  async patch(path: string, change: object, options: CallOptions = {}): Promise<unknown> {
    return this.#json({ method: 'PATCH', path, ...bodyOf(change, 'application/merge-patch+json') }, options);
  }

  /**
   * Asks for the end of an object, and of what it owns; one that is not there is gone already.
   * @param uid of the object that is meant: another one that has its name by now is left alone
   * @throws {@link ClusterUnavailable}, {@link KubernetesApiError}, or the signal's reason
   */
  async remove(path: string, uid: string | undefined, options: CallOptions = {}): Promise<void> {
    const body = bodyOf({ propagationPolicy: 'Background', preconditions: { uid } }, 'application/json');
    await orNull(this.#json({ method: 'DELETE', path, ...body }, options));
  }

  /** Lets go of idle connections. */
  close(): void {
    this.transport.close();
  }

  async #json(request: Omit<ApiRequest, 'signal'>, options: CallOptions): Promise<unknown> {
    return withDeadline(options, async (signal) => {
      const answer = await this.transport.send({ ...request, signal });
      const text = await readText(answer);
      const status = answer.statusCode ?? 0;
      if (status < 200 || status > 299) throw errorFromAnswer(status, text);
      return JSON.parse(text) as unknown;
    });
  }
}

/** Null if the API says that there is no such object. */
export async function orNull<T>(answer: Promise<T>): Promise<T | null> {
  try {
    return await answer;
  } catch (error) {
    if (error instanceof KubernetesApiError && error.status === 404) return null;
    throw error;
  }
}

function bodyOf(object: object, type: string): Pick<ApiRequest, 'headers' | 'body'> {
  return { headers: { 'content-type': type }, body: JSON.stringify(object) };
}

/** Runs something under the caller's signal and a time limit, and turns every failure into one that is safe to log. */
async function withDeadline<T>(options: CallOptions, run: (signal: AbortSignal) => Promise<T>): Promise<T> {
  const { signal: caller, timeoutMs = CALL_TIMEOUT_MS } = options;
  const deadline = AbortSignal.timeout(timeoutMs);
  try {
    return await run(caller ? AbortSignal.any([caller, deadline]) : deadline);
  } catch (error) {
    if (caller?.aborted) throw caller.reason;
    if (deadline.aborted) throw new ClusterUnavailable(new Error(`No answer within ${String(timeoutMs)} ms.`));
    if (error instanceof KubernetesApiError) throw error;
    throw errorFromFailure(error);
  }
}
