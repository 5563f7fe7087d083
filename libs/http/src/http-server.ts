import {
  type IncomingMessage,
  STATUS_CODES,
  type Server,
  type ServerOptions,
  type ServerResponse,
  createServer,
} from 'node:http';
import { type AddressInfo, Server as NetServer, type Socket } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { newId } from '@app/kernel';
import { Logger } from '@nestjs/common';
import { ExpressAdapter } from '@nestjs/platform-express';
import { breakOff } from './break-off.js';
import { IncomingBody } from './incoming-body.js';
import { httpProblem, problemBody } from './problem.js';

export type HttpServerOptions = Pick<
  ServerOptions,
  'maxHeaderSize' | 'headersTimeout' | 'requestTimeout' | 'connectionsCheckingInterval' | 'keepAliveTimeout'
> & {
  /** How long a client may read nothing of a pending response; up to twice this time. */
  readonly stalledMs?: number;
};

/** Limits for the size of a request, and for the time until it has arrived. */
export const REQUEST_LIMITS = {
  maxHeaderSize: 16 * 1024,
  headersTimeout: 10_000,
  requestTimeout: 60_000,
  connectionsCheckingInterval: 1_000,
} satisfies ServerOptions;

/** No time limit for responses that clients read: streams and long polls may take any time. */
const DEFAULTS = {
  ...REQUEST_LIMITS,
  // Longer than proxies keep idle connections (caddy 120 s, cloud load balancers 600 s); otherwise they may use one
  // that we are closing. The limits above start with the first byte of a request, not while a connection is idle.
  keepAliveTimeout: 620_000,
  // Unread data stays in memory. Slow readers are not affected: Node checks whether the kernel accepted data since the
  // last check, so detection may take twice as long.
  stalledMs: 30_000,
} satisfies HttpServerOptions;
/** How long the client has to close the connection after an error response. */
const LINGER_MS = 1_000;
/** How long responses in progress have to complete. */
const DRAIN_MS = 3_000;
/** Interval for closing idle connections; not immediately, since a proxy may have sent a request on one. */
const IDLE_DRAIN_MS = 300;

/** Express on a server that ends slow and malformed requests, with problem+json responses for them too. */
export class HttpServerAdapter extends ExpressAdapter {
  private readonly log = new Logger(HttpServerAdapter.name);
  private readonly unused = new Set<Socket>();
  private isDraining = false;

  constructor(private readonly serverOptions: HttpServerOptions = {}) {
    super();
    // A path has one spelling, since Idempotency-Keys and the rules of proxies apply to paths. The router already
    // exists and no longer reads Express' settings.
    Object.assign(this.getInstance<{ router: object }>().router, { caseSensitive: true, strict: true });
  }

  override initHttpServer(): void {
    const express = this.getInstance<(request: IncomingMessage, response: ServerResponse) => void>();
    const responses = new WeakMap<Socket, ServerResponse>();
    const { stalledMs, ...serverOptions } = { ...DEFAULTS, ...this.serverOptions };
    const handle = (request: IncomingMessage, response: ServerResponse): void => {
      // A request pipelined after the last response of a connection gets no response. (RFC 9112, 9.6)
      if (!request.socket.writable) return;
      if (this.unused.delete(request.socket)) request.socket.setTimeout(server.timeout);
      if (this.isDraining) response.shouldKeepAlive = false;
      responses.set(request.socket, response);
      response.setTimeout(stalledMs, () => {
        if (response.writableLength > 0) breakOff(response);
      });
      IncomingBody.expect(request, response);
      express(request, response);
    };
    // A missing Host is refused later, with problem+json.
    const server = createServer({ ...serverOptions, requireHostHeader: false }, handle);
    // 100 Continue is sent when the body is read.
    server.on('checkContinue', handle);
    // Unknown expectations may be ignored; Node would respond without a body. (RFC 9110, 10.1.1)
    server.on('checkExpectation', handle);
    this.keepUnused(server);
    server.on('listening', () => {
      this.log.log({ port: (server.address() as AddressInfo).port }, 'The API is served');
    });
    answerClientErrors(server, responses);
    server.on('error', (error) => {
      // The caller of listen() handles its errors. Without a listener, errors of accept() would crash the process.
      if (server.listening) this.log.error({ err: error }, 'A connection could not be accepted');
    });
    this.httpServer = server;
  }

  /** Accepts no more connections, completes the responses in progress, and closes idle connections. */
  async drain(): Promise<void> {
    this.isDraining = true;
    const server = this.httpServer as Server;
    // The TCP server's method: HTTP's would close idle connections immediately, with requests that are on their way.
    const closed = new Promise((resolve) => NetServer.prototype.close.call(server, resolve));
    const sweep = setInterval(() => {
      server.closeIdleConnections();
      for (const socket of this.unused) if (socket.bytesRead === 0) socket.destroy();
    }, IDLE_DRAIN_MS);
    await Promise.race([closed, delay(DRAIN_MS, undefined, { ref: false })]);
    clearInterval(sweep);
  }

  /** Streams have already been completed; does not wait for clients that stay connected. */
  override close(): Promise<undefined> {
    (this.httpServer as Server).closeAllConnections();
    return super.close() as Promise<undefined>;
  }

  /**
   * A proxy may open a connection and use it only later (Go's does), so an unused connection may be idle for as long as
   * a used one.
   */
  private keepUnused(server: Server): void {
    server.on('connection', (socket) => {
      this.unused.add(socket);
      socket.setTimeout(server.keepAliveTimeout);
      socket.once('close', () => this.unused.delete(socket));
    });
  }
}

function answerClientErrors(server: Server, responses: WeakMap<Socket, ServerResponse>): void {
  const answered = new WeakSet<Socket>();
  server.on('clientError', (error: NodeJS.ErrnoException, duplex) => {
    const socket = duplex as Socket;
    // Nothing has been received: the connection is idle, which has its own limit.
    if (error.code === 'ERR_HTTP_REQUEST_TIMEOUT' && socket.bytesRead === 0) return;
    if (answered.has(socket)) return;
    answered.add(socket);
    const response = responses.get(socket);
    const isMidway = response?.headersSent === true && !response.writableFinished;
    if (error.code === 'ECONNRESET' || !socket.writable || isMidway) {
      socket.destroy();
      return;
    }
    socket.end(errorResponse(error.code));
    setTimeout(() => socket.destroy(), LINGER_MS).unref();
  });
}

function errorResponse(code: string | undefined): string {
  const [status, detail] = statusOf(code);
  const requestId = newId('req');
  const body = JSON.stringify(problemBody(httpProblem(status, detail), '/', requestId));
  return [
    `HTTP/1.1 ${String(status)} ${STATUS_CODES[status] ?? ''}`,
    'Content-Type: application/problem+json; charset=utf-8',
    `Content-Length: ${String(Buffer.byteLength(body))}`,
    'Cache-Control: no-store',
    `X-Request-Id: ${requestId}`,
    'Connection: close',
    '',
    body,
  ].join('\r\n');
}

function statusOf(code: string | undefined): readonly [number, string] {
  if (code === 'HPE_HEADER_OVERFLOW') return [431, 'The headers are larger than 16 KiB.'];
  if (code === 'HPE_CHUNK_EXTENSIONS_OVERFLOW') return [413, 'The chunk extensions are too large.'];
  if (code === 'ERR_HTTP_REQUEST_TIMEOUT') return [408, 'The request did not arrive in time.'];
  return [400, 'The request is not valid HTTP.'];
}
