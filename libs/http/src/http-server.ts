import {
  type IncomingMessage,
  STATUS_CODES,
  type Server,
  type ServerOptions,
  type ServerResponse,
  createServer,
} from 'node:http';
import type { Socket } from 'node:net';
import { newId } from '@app/kernel';
import { ExpressAdapter } from '@nestjs/platform-express';
import { httpProblem, problemBody } from './problem.filter.js';

export type HttpServerOptions = Pick<
  ServerOptions,
  'maxHeaderSize' | 'headersTimeout' | 'requestTimeout' | 'connectionsCheckingInterval' | 'keepAliveTimeout'
>;

/** Of answers there is no time limit: streams and long polls live as long as they need. */
const DEFAULTS: HttpServerOptions = {
  maxHeaderSize: 16 * 1024,
  headersTimeout: 10_000,
  requestTimeout: 60_000,
  connectionsCheckingInterval: 1_000,
  // Longer than load balancers keep idle connections (60 s is usual): else they would use one that we close.
  keepAliveTimeout: 75_000,
};
/** After its last words a connection has so long to be closed by the client. */
const LINGER_MS = 1_000;

/** Express on a server that slow and malformed requests cannot hold, and that answers also those by problem+json. */
export class HttpServerAdapter extends ExpressAdapter {
  constructor(private readonly serverOptions: HttpServerOptions = {}) {
    super();
  }

  override initHttpServer(): void {
    const handle = this.getInstance<(request: IncomingMessage, response: ServerResponse) => void>();
    // A missing Host is refused further in, in our form.
    const server = createServer({ ...DEFAULTS, ...this.serverOptions, requireHostHeader: false }, handle);
    // Unknown expectations may be ignored; Node would refuse them without a body. (RFC 9110, 10.1.1)
    server.on('checkExpectation', handle);
    answerClientErrors(server);
    this.httpServer = server;
  }

  /** Streams were completed before; this does not wait for clients that stay. */
  override close(): Promise<undefined> {
    (this.httpServer as Server).closeAllConnections();
    return super.close() as Promise<undefined>;
  }
}

function answerClientErrors(server: Server): void {
  const responses = new WeakMap<Socket, ServerResponse>();
  const answered = new WeakSet<Socket>();
  server.on('request', (request, response) => responses.set(request.socket, response));
  server.on('clientError', (error: NodeJS.ErrnoException, duplex) => {
    const socket = duplex as Socket;
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
