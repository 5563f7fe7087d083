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
import { httpProblem, problemBody } from './problem.filter.js';

export type HttpServerOptions = Pick<
  ServerOptions,
  'maxHeaderSize' | 'headersTimeout' | 'requestTimeout' | 'connectionsCheckingInterval' | 'keepAliveTimeout'
> & {
  /** So long, or twice, a client may take nothing of an answer that waits for it. */
  readonly stalledMs?: number;
};

/** What a request may be, and how long it may take to arrive. */
export const REQUEST_LIMITS = {
  maxHeaderSize: 16 * 1024,
  headersTimeout: 10_000,
  requestTimeout: 60_000,
  connectionsCheckingInterval: 1_000,
} satisfies ServerOptions;

/** Of answers that clients read there is no time limit: streams and long polls live as long as they need. */
const DEFAULTS = {
  ...REQUEST_LIMITS,
  // Longer than proxies keep idle connections (caddy 120 s, load balancers of clouds 600 s): else they use one that we
  // close. The limits above count from the first byte of a request, not while a connection is idle.
  keepAliveTimeout: 620_000,
  // What a client does not read stays in memory. A slow one that reads is let be: Node looks at what the kernel took
  // since it looked last, so that it can take twice as long.
  stalledMs: 30_000,
} satisfies HttpServerOptions;
/** After its last words a connection has so long to be closed by the client. */
const LINGER_MS = 1_000;
/** What is being answered has so long to come to its end. */
const DRAIN_MS = 3_000;
/** Then idle connections are closed. Until then a proxy may already have sent a request on one. */
const IDLE_DRAIN_MS = 300;

/** Express on a server that slow and malformed requests cannot hold, and that answers also those by problem+json. */
export class HttpServerAdapter extends ExpressAdapter {
  private readonly log = new Logger(HttpServerAdapter.name);
  private readonly unused = new Set<Socket>();
  private isDraining = false;

  constructor(private readonly serverOptions: HttpServerOptions = {}) {
    super();
    // One path is one spelling: an Idempotency-Key holds for a path, and so do the rules of proxies. The router is
    // there already, and does not look at Express' settings any more.
    Object.assign(this.getInstance<{ router: object }>().router, { caseSensitive: true, strict: true });
  }

  override initHttpServer(): void {
    const express = this.getInstance<(request: IncomingMessage, response: ServerResponse) => void>();
    const responses = new WeakMap<Socket, ServerResponse>();
    const { stalledMs, ...serverOptions } = { ...DEFAULTS, ...this.serverOptions };
    const handle = (request: IncomingMessage, response: ServerResponse): void => {
      // What is pipelined behind the last answer of a connection gets none. (RFC 9112, 9.6)
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
    // A missing Host is refused further in, in our form.
    const server = createServer({ ...serverOptions, requireHostHeader: false }, handle);
    // A client that waits for 100 Continue gets it when its body is read.
    server.on('checkContinue', handle);
    // Unknown expectations may be ignored; Node would refuse them without a body. (RFC 9110, 10.1.1)
    server.on('checkExpectation', handle);
    this.keepUnused(server);
    server.on('listening', () => {
      this.log.log({ port: (server.address() as AddressInfo).port }, 'The API is served');
    });
    answerClientErrors(server, responses);
    server.on('error', (error) => {
      // Those of listen() are for who calls it. Without a listener what accept() complains of would end the process.
      if (server.listening) this.log.error({ err: error }, 'A connection could not be accepted');
    });
    this.httpServer = server;
  }

  /** Takes no more connections, lets what is being answered come to its end, and does not wait for idle connections. */
  async drain(): Promise<void> {
    this.isDraining = true;
    const server = this.httpServer as Server;
    // Of the server below: that of HTTP would close idle connections at once, and what is on its way to us on them.
    const closed = new Promise((resolve) => NetServer.prototype.close.call(server, resolve));
    const sweep = setInterval(() => {
      server.closeIdleConnections();
      for (const socket of this.unused) if (socket.bytesRead === 0) socket.destroy();
    }, IDLE_DRAIN_MS);
    await Promise.race([closed, delay(DRAIN_MS, undefined, { ref: false })]);
    clearInterval(sweep);
  }

  /** Streams were completed before; this does not wait for clients that stay. */
  override close(): Promise<undefined> {
    (this.httpServer as Server).closeAllConnections();
    return super.close() as Promise<undefined>;
  }

  /**
   * A proxy may open a connection that it then has no request for (Go's does), and use it later: it may be idle for as
   * long as one that was used.
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
    // Nothing has come at all: it is idle, which has a limit of its own.
    if (error.code === 'ERR_HTTP_REQUEST_TIMEOUT' && socket.bytesRead === 0) return;
    if (answered.has(socket)) return;
    answered.add(socket);
    const response = responses.get(socket);
    const isMidway = response?.headersSent === true && !response.writableFinished;
    if (error.code === 'ECONNRESET' || !socket.writable || isMidway) {
      socket.destroy();
      return;
    }
    socket.end(lastWords(error.code));
    setTimeout(() => socket.destroy(), LINGER_MS).unref();
  });
}

function lastWords(code: string | undefined): string {
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
