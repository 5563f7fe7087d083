import * as http from 'node:http';
import * as https from 'node:https';
import type { KubeConfig } from '@kubernetes/client-node';
import { errorFromFailure } from './kubernetes.errors.js';

/** One request to the Kubernetes API; `path` starts with `/api` or `/apis` and may have a query. */
export interface ApiRequest {
  readonly method?: string;
  readonly path: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
  /** Aborts the request or, later, the response body. */
  readonly signal: AbortSignal;
}

/** Credentials of a connection. Never log them. */
export interface Credentials extends Pick<
  https.RequestOptions,
  'auth' | 'agent' | 'ca' | 'cert' | 'key' | 'pfx' | 'passphrase' | 'rejectUnauthorized' | 'servername'
> {
  headers?: http.OutgoingHttpHeaders;
}

const IDLE_MS = 30_000;
const RESPONSE_BYTES_MAX = 128 * 1024 * 1024;

/**
 * Sends requests with the credentials of a kubeconfig, over connections that are kept alive.
 *
 * client-node's own transport is not used: it opens a connection per call, has no timeout, and its errors contain the
 * request. Its kubeconfig support (files, exec plugins, token rotation) is what we need.
 */
export class KubernetesTransport {
  // Private at run time, not only to the compiler: logging this object must not print keys or tokens.
  readonly #config: KubeConfig;
  readonly #agent: http.Agent;
  readonly #server: string;

  constructor(config: KubeConfig) {
    this.#config = config;
    this.#server = (config.getCurrentCluster()?.server ?? '').replace(/\/+$/, '');
    const options = { keepAlive: true, timeout: IDLE_MS };
    this.#agent = this.#server.startsWith('https:') ? new https.Agent(options) : new http.Agent(options);
  }

  /** The API's address, without a trailing slash. */
  get server(): string {
    return this.#server;
  }

  /** The current TLS settings and headers; read for each connection, since files and tokens rotate. */
  async credentials(): Promise<Credentials> {
    const options: Credentials = {};
    await this.#config.applyToHTTPSOptions(options);
    // client-node keeps one agent with the first certificates it read; only its proxy agents are useful.
    const proxied = this.#config.getCurrentCluster()?.proxyUrl !== undefined;
    if (!proxied) delete options.agent;
    return options;
  }

  /**
   * Resolves when the response headers have arrived, whatever the status.
   * @throws ClusterUnavailable if there is no response, or the signal's reason
   */
  async send(request: ApiRequest): Promise<http.IncomingMessage> {
    try {
      return await this.#attempt(request, await this.credentials(), false);
    } catch (error) {
      if (request.signal.aborted) throw request.signal.reason;
      throw errorFromFailure(error);
    }
  }

  /** Closes idle connections. */
  close(): void {
    this.#agent.destroy();
  }

  #attempt(request: ApiRequest, credentials: Credentials, again: boolean): Promise<http.IncomingMessage> {
    const { method = 'GET', path, headers, body, signal } = request;
    signal.throwIfAborted();
    return new Promise((resolve, reject) => {
      const client = this.#server.startsWith('https:') ? https : http;
      const sent = client.request(`${this.#server}${path}`, {
        agent: this.#agent,
        ...credentials,
        method,
        signal,
        headers: {
          accept: 'application/json',
          'user-agent': 'rdev',
          ...lengthOf(body),
          ...headers,
          ...credentials.headers,
        },
      });
      sent.once('response', resolve);
      sent.on('error', (error: NodeJS.ErrnoException) => {
        // A server may close an idle connection just as it is reused. Reading twice is harmless.
        const raced = sent.reusedSocket && error.code === 'ECONNRESET' && method === 'GET' && !again;
        if (raced) this.#attempt(request, credentials, true).then(resolve, reject);
        else reject(error);
      });
      sent.end(body);
    });
  }
}

/** Node sends the body of a DELETE without its length, and the server takes it for another request. */
function lengthOf(body: string | undefined): http.OutgoingHttpHeaders {
  return body === undefined ? {} : { 'content-length': Buffer.byteLength(body) };
}

/** The whole body as text; fails if it is truncated or absurdly large. */
export async function readText(response: http.IncomingMessage, bytesMax = RESPONSE_BYTES_MAX): Promise<string> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of response as AsyncIterable<Buffer>) {
    chunks.push(chunk);
    bytes += chunk.length;
    if (bytes > bytesMax) throw new Error(`The response exceeds ${String(bytesMax)} bytes.`);
  }
  return Buffer.concat(chunks).toString('utf8');
}
