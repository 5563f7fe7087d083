import type { IncomingMessage } from 'node:http';
import type { Socket } from 'node:net';
import { ChannelRefused, type OpenChannel, type Channel } from '@app/channel';
import { traced } from '@app/tracing';
import { WebSocket } from 'ws';
import { ExecChannel, HALF_CLOSING } from './exec-channel.js';
import type { KubernetesClient } from './kubernetes-client.js';
import {
  ClusterUnavailable,
  KubernetesApiError,
  errorFromExecResponse,
  errorFromFailure,
  isFinalForExec,
} from './kubernetes.errors.js';
import { type Credentials, readText } from './kubernetes-transport.js';

/** A running container. The name identifies whichever pod has it now: compare UIDs if that matters. */
export interface ExecTarget {
  readonly namespace: string;
  readonly pod: string;
  readonly container: string;
}

/** Limits of exec connections. */
export interface ExecOptions {
  /** Time to open the channel; default 10 s. */
  readonly connectTimeoutMs?: number;
  /**
   * A connection on which nothing comes for this time is pinged, and dropped after the same time without a response.
   * Default 7 s.
   */
  readonly pingIntervalMs?: number;
  /** Bytes of each stream that are buffered for a slow reader before the connection is paused; default 256 KiB. */
  readonly bufferBytes?: number;
}

/** A message must fit into memory. Real servers send up to 32 KiB. */
const MESSAGE_BYTES_MAX = 64 * 1024 * 1024;
const REFUSAL_BYTES_MAX = 64 * 1024;

/**
 * Runs programs in pods.
 *
 * It uses a WebSocket directly instead of client-node's `Exec`, which has no connect timeout, no pings and no
 * back-pressure, swallows errors once connected, loses the server's message on a refusal, and closes the connection
 * when stdin ends on v4. Only client-node's kubeconfig support is used.
 */
export class PodExec {
  readonly #client: KubernetesClient;
  readonly #settings: Required<ExecOptions>;

  constructor(client: KubernetesClient, options: ExecOptions = {}) {
    this.#client = client;
    this.#settings = { connectTimeoutMs: 10_000, pingIntervalMs: 7_000, bufferBytes: 256 * 1024, ...options };
  }

  /** {@link openChannel} for one container. */
  channelTo(target: ExecTarget): OpenChannel {
    return (argv, signal) => this.openChannel(target, argv, signal);
  }

  /**
   * Starts a program in a container. If the program does not exist, the channel drops immediately, without a code. Exit
   * code 137 means that the program got SIGKILL, or that its container or pod ended: check the pod, and watch it
   * meanwhile, since a deleted pod may leave the channel open and silent. So may a program that ends without reading
   * its stdin: send only what will be read.
   * @param signal aborts opening, and closes the channel once it is open
   * @throws {@link ChannelRefused} if a retry would fail too, {@link ClusterUnavailable}, {@link KubernetesApiError} if
   *   the pod or container does not exist or cannot be entered, or the signal's reason
   */
  openChannel(target: ExecTarget, argv: readonly string[], signal?: AbortSignal): Promise<Channel> {
    const { namespace, pod, container } = target;
    const attributes = { 'k8s.namespace.name': namespace, 'k8s.pod.name': pod, 'k8s.container.name': container };
    return traced('kubernetes exec', attributes, () => this.#openChannel(target, argv, signal));
  }

  async #openChannel(target: ExecTarget, argv: readonly string[], signal?: AbortSignal): Promise<Channel> {
    const { connectTimeoutMs } = this.#settings;
    const deadline = AbortSignal.timeout(connectTimeoutMs);
    const either = signal ? AbortSignal.any([signal, deadline]) : deadline;
    try {
      either.throwIfAborted();
      // The outcome does not count for the breaker: an exec fails if the node or the pod is broken, too.
      const { outage } = this.#client;
      if (outage !== null) throw outage;
      // An exec plugin of a kubeconfig may be slow, so the deadline includes the credentials.
      const credentials = await Promise.race([this.#client.transport.credentials(), rejectOn(either)]);
      const channel = await this.#connect(execPath(target, argv), credentials, either);
      if (signal) destroyOn(signal, channel);
      return channel;
    } catch (error) {
      if (signal?.aborted) throw signal.reason;
      if (deadline.aborted)
        throw new ClusterUnavailable(new Error(`The exec did not open within ${String(connectTimeoutMs)} ms.`));
      throw error;
    }
  }

  #connect(path: string, credentials: Credentials, signal: AbortSignal): Promise<Channel> {
    return new Promise((resolve, reject) => {
      let connection: Socket;
      const socket = new WebSocket(`${this.#client.transport.server}${path}`, [HALF_CLOSING, 'v4.channel.k8s.io'], {
        ...(credentials as WebSocket.ClientOptions),
        maxPayload: MESSAGE_BYTES_MAX,
        perMessageDeflate: false,
      });
      const abort = () => fail(signal.reason as Error);
      const fail = (error: Error) => {
        signal.removeEventListener('abort', abort);
        reject(error);
        socket.terminate();
      };
      signal.addEventListener('abort', abort);
      socket.on('error', (error) => fail(errorFromFailure(error)));
      socket.on('upgrade', (response) => (connection = response.socket));
      socket.on('unexpected-response', (_request, response) => void refusal(response).then(fail));
      socket.on('open', () => {
        signal.removeEventListener('abort', abort);
        socket.removeAllListeners('error');
        resolve(new ExecChannel(socket, connection, this.#settings));
      });
    });
  }
}

function execPath({ namespace, pod, container }: ExecTarget, argv: readonly string[]): string {
  const query = new URLSearchParams({ container, stdin: 'true', stdout: 'true', stderr: 'true', tty: 'false' });
  for (const argument of argv) query.append('command', argument);
  return `/api/v1/namespaces/${encodeURIComponent(namespace)}/pods/${encodeURIComponent(pod)}/exec?${query.toString()}`;
}

function destroyOn(signal: AbortSignal, channel: Channel): void {
  const destroy = () => channel.destroy();
  signal.addEventListener('abort', destroy, { once: true });
  void channel.ended.then(() => signal.removeEventListener('abort', destroy));
}

async function refusal(response: IncomingMessage): Promise<Error> {
  const body = await readText(response, REFUSAL_BYTES_MAX).catch(() => '');
  const error = errorFromExecResponse(response.statusCode ?? 0, body);
  const isFinal = error instanceof KubernetesApiError && isFinalForExec(error);
  return isFinal ? new ChannelRefused(error.message, { cause: error }) : error;
}

function rejectOn(signal: AbortSignal): Promise<never> {
  return new Promise((_resolve, reject) => {
    signal.addEventListener('abort', () => reject(signal.reason as Error), { once: true });
  });
}
