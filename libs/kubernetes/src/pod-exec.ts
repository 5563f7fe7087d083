import type { IncomingMessage } from 'node:http';
import type { Socket } from 'node:net';
import { ChannelRefused, type OpenChannel, type Channel } from '@app/channel';
import { WebSocket } from 'ws';
import { ExecChannel, HALF_CLOSING } from './exec-channel.js';
import type { KubernetesClient } from './kubernetes-client.js';
import {
  ClusterUnavailable,
  KubernetesApiError,
  errorFromExecAnswer,
  errorFromFailure,
  isFinalForExec,
} from './kubernetes.errors.js';
import { type Credentials, readText } from './kubernetes-transport.js';

/** A container that runs. The name leads to whatever pod has it now: compare UIDs if that matters. */
export interface ExecTarget {
  readonly namespace: string;
  readonly pod: string;
  readonly container: string;
}

/** Limits of exec connections. */
export interface ExecOptions {
  /** From the call to the open channel; default 10 s. */
  readonly connectTimeoutMs?: number;
  /** How often to ping. A connection silent for one whole interval after a ping is dropped. Default 10 s. */
  readonly pingIntervalMs?: number;
  /** How many bytes of each stream wait for a slow reader before the connection is paused; default 256 KiB. */
  readonly bufferBytes?: number;
}

/** One message must fit into memory. Real servers send up to 32 KiB. */
const MESSAGE_BYTES_MAX = 64 * 1024 * 1024;
const REFUSAL_BYTES_MAX = 64 * 1024;

/**
 * Runs programs in pods.
 *
 * It speaks to the WebSocket itself instead of using client-node's `Exec`, which has no connect timeout, no pings and no
 * back-pressure, swallows errors once connected, loses the server's words when it refuses, and closes the connection when
 * stdin ends on v4. What client-node knows is how to read a kubeconfig, and that is used.
 */
export class PodExec {
  readonly #client: KubernetesClient;
  readonly #settings: Required<ExecOptions>;

  constructor(client: KubernetesClient, options: ExecOptions = {}) {
    this.#client = client;
    this.#settings = { connectTimeoutMs: 10_000, pingIntervalMs: 10_000, bufferBytes: 256 * 1024, ...options };
  }

  /** {@link openChannel} for one container. */
  channelTo(target: ExecTarget): OpenChannel {
    return (argv, signal) => this.openChannel(target, argv, signal);
  }

  /**
   * Starts a program in a container. A program that does not exist makes a channel that drops at once, without a code.
   * 137 may mean that the program got SIGKILL or that its container or pod ended: ask the pod, and watch it meanwhile, for
   * a deleted pod may leave the channel open and still. So may a program that ends without reading its stdin: send only
   * what will be read.
   * @param signal gives up opening, and lets go of the channel once it is open
   * @throws {@link ChannelRefused} if it will not work either the next time, {@link ClusterUnavailable}, {@link KubernetesApiError} if there is no such pod or container or it cannot be
   *   entered, or the signal's reason
   */
  async openChannel(target: ExecTarget, argv: readonly string[], signal?: AbortSignal): Promise<Channel> {
    const { connectTimeoutMs } = this.#settings;
    const deadline = AbortSignal.timeout(connectTimeoutMs);
    const either = signal ? AbortSignal.any([signal, deadline]) : deadline;
    try {
      either.throwIfAborted();
      // An exec plugin of a kubeconfig takes its time, so the deadline holds for the credentials as well.
      const credentials = await Promise.race([this.#client.transport.credentials(), rejectOn(either)]);
      const channel = await this.#connect(execPath(target, argv), credentials, either);
      if (signal) letGoOn(signal, channel);
      return channel;
    } catch (error) {
      if (signal?.aborted) throw signal.reason;
      if (deadline.aborted) throw new ClusterUnavailable(new Error(`No exec within ${String(connectTimeoutMs)} ms.`));
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
      socket.on('upgrade', (answer) => (connection = answer.socket));
      socket.on('unexpected-response', (_request, answer) => void refusal(answer).then(fail));
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

function letGoOn(signal: AbortSignal, channel: Channel): void {
  const letGo = () => channel.destroy();
  signal.addEventListener('abort', letGo, { once: true });
  void channel.ended.then(() => signal.removeEventListener('abort', letGo));
}

async function refusal(answer: IncomingMessage): Promise<Error> {
  const body = await readText(answer, REFUSAL_BYTES_MAX).catch(() => '');
  const error = errorFromExecAnswer(answer.statusCode ?? 0, body);
  const isFinal = error instanceof KubernetesApiError && isFinalForExec(error);
  return isFinal ? new ChannelRefused(error.message, { cause: error }) : error;
}

function rejectOn(signal: AbortSignal): Promise<never> {
  return new Promise((_resolve, reject) => {
    signal.addEventListener('abort', () => reject(signal.reason as Error), { once: true });
  });
}
