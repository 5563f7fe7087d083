import { once } from 'node:events';
import { type AddressInfo, type Socket, connect } from 'node:net';
import { text } from 'node:stream/consumers';
import { setTimeout as delay } from 'node:timers/promises';
import { Body, Controller, Get, Logger, Module, Post, Res } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import type { NestExpressApplication } from '@nestjs/platform-express';
import type { Response } from 'express';
import { NoRefusalsModule, asCaller, bodyReading } from '../testing/index.js';
import { HttpModule } from './http.module.js';
import { HttpServerAdapter } from './http-server.js';
import { noStore } from './no-store.middleware.js';
import { requestContext } from './request-context.middleware.js';
import { unambiguous } from './unambiguous.middleware.js';

const TIMEOUT_MS = 300;
const KEEP_ALIVE_MS = 5 * TIMEOUT_MS;
/** More than the kernel buffers for a client that reads nothing. */
const LARGE_BYTES = 64 * 1_048_576;

@Controller()
class TestController {
  @Get('here')
  here(): { path: string } {
    return { path: 'here' };
  }

  @Post('body')
  body(@Body() body: object): object {
    return body;
  }

  @Get('stream')
  async stream(@Res() response: Response): Promise<void> {
    response.write('begin ');
    await delay(4 * TIMEOUT_MS);
    response.end('end');
  }

  @Get('large')
  large(@Res() response: Response): void {
    response.end(Buffer.alloc(LARGE_BYTES));
  }
}

@Module({
  imports: [NoRefusalsModule, HttpModule.with({ publicUrl: null, streamsPerKeyMax: 10 })],
  controllers: [TestController],
  providers: bodyReading(asCaller),
})
class TestModule {}

describe('the HTTP server, over a socket,', () => {
  let app: NestExpressApplication;
  let port: number;

  beforeAll(async () => {
    Logger.overrideLogger(false);
    const adapter = new HttpServerAdapter({
      headersTimeout: TIMEOUT_MS,
      requestTimeout: 2 * TIMEOUT_MS,
      connectionsCheckingInterval: 50,
      keepAliveTimeout: KEEP_ALIVE_MS,
      stalledMs: TIMEOUT_MS,
    });
    app = await NestFactory.create<NestExpressApplication>(TestModule, adapter, { logger: false, bodyParser: false });
    app.disable('x-powered-by');
    app.use(noStore);
    app.use(requestContext);
    app.use(unambiguous);
    await app.listen(0, '127.0.0.1');
    port = (app.getHttpServer().address() as AddressInfo).port;
  });
  afterAll(() => app.close());

  /** Sends the pieces unchanged, one after the other, and returns everything received until the server closes. */
  const send = async (...pieces: readonly (string | number)[]): Promise<string> => {
    const socket = connect({ port, host: '127.0.0.1', allowHalfOpen: true });
    socket.on('error', () => undefined);
    const answer = text(socket).catch(() => '');
    for (const piece of pieces) {
      if (typeof piece === 'number') await delay(piece);
      else socket.write(piece);
    }
    return answer.finally(() => socket.destroy());
  };
  const get = (lines: string) => send(`GET /here HTTP/1.1\r\n${lines}Connection: close\r\n\r\n`);
  const problem = (answer: string, status: number, code: string) => {
    const [head = '', body = ''] = answer.split('\r\n\r\n');
    expect(head).toMatch(new RegExp(`^HTTP/1.1 ${status} `));
    expect(head).toMatch(/^content-type: application\/problem\+json/im);
    expect(head).not.toMatch(/express|node|x-powered-by|^server:/im);
    const { requestId } = JSON.parse(body);
    expect(JSON.parse(body)).toMatchObject({ status, code, retryable: false, instance: expect.stringMatching(/^\//) });
    expect(head.toLowerCase()).toContain(`x-request-id: ${requestId}`);
    expect(head).toMatch(/^cache-control: no-store$/im);
    expect(answer).not.toMatch(/node_modules|\.ts|\bat \S+ \(|HPE_/);
  };

  it('disconnects a client that does not read its response', async () => {
    const accepted = once(app.getHttpServer(), 'connection') as Promise<[Socket]>;
    const client = connect(port, '127.0.0.1').pause();
    client.write('GET /large HTTP/1.1\r\nHost: x\r\n\r\n');
    const [socket] = await accepted;
    await once(socket, 'close');
    expect(socket.bytesWritten).toBeGreaterThan(0);
    client.destroy();
  });

  it('responds to well-formed requests', async () => {
    expect(await get('Host: x\r\n')).toMatch(/^HTTP\/1.1 200 OK[^]*{"path":"here"}$/);
  });

  it.each([
    ['a request that is not HTTP', 'nonsense\r\n\r\n'],
    ['TLS', '\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03'],
    ['an unknown method', 'BREW /here HTTP/1.1\r\nHost: x\r\n\r\n'],
    ['an unknown version', 'GET /here HTTP/9.9\r\nHost: x\r\n\r\n'],
    ['a space in the path', 'GET /he re HTTP/1.1\r\nHost: x\r\n\r\n'],
    ['a header without a name', 'GET /here HTTP/1.1\r\n: x\r\n\r\n'],
    ['a space before the colon', 'GET /here HTTP/1.1\r\nHost : x\r\n\r\n'],
    ['a NUL in a header', 'GET /here HTTP/1.1\r\nHost: x\r\nA: b\0c\r\n\r\n'],
    ['two lengths', 'POST /body HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n{}'],
    [
      'a length and chunks',
      'POST /body HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n',
    ],
    ['a negative length', 'POST /body HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n'],
    ['chunks with another coding last', 'POST /body HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked, gzip\r\n\r\n'],
    [
      'an invalid chunk',
      'POST /body HTTP/1.1\r\nHost: x\r\nX-API-Key: k\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n',
    ],
  ])('refuses %s', async (_name, request) => {
    problem(await send(request), 400, 'INVALID_REQUEST');
  });

  it.each([
    ['no host', ''],
    ['two hosts', 'Host: a\r\nHost: b\r\n'],
    ['two keys', 'Host: x\r\nAuthorization: Bearer a\r\nAuthorization: Bearer b\r\n'],
    ['two X-API-Keys', 'Host: x\r\nX-API-Key: a\r\nX-API-Key: b\r\n'],
    ['two Last-Event-IDs', 'Host: x\r\nLast-Event-ID: a\r\nlast-event-id: b\r\n'],
    ['two Idempotency-Keys', 'Host: x\r\nIdempotency-Key: a\r\nIdempotency-Key: a\r\n'],
  ])('refuses ambiguous requests: %s', async (_name, lines) => {
    problem(await get(lines), 400, 'INVALID_REQUEST');
  });

  it('refuses headers beyond 16 KiB, in one header, in many, and in the path', async () => {
    problem(await get(`Host: x\r\nA: ${'a'.repeat(20_000)}\r\n`), 431, 'HEADERS_TOO_LARGE');
    problem(await get(`Host: x\r\n${'A: b\r\n'.repeat(5_000)}`), 431, 'HEADERS_TOO_LARGE');
    problem(await send(`GET /${'a'.repeat(20_000)} HTTP/1.1\r\nHost: x\r\n\r\n`), 431, 'HEADERS_TOO_LARGE');
  });

  it.each([
    ['headers that do not end', ['GET /here HTTP/1.1\r\n', 100, 'A: b\r\n', 100, 'B: c\r\n']],
    [
      'a body that does not arrive',
      [
        'POST /body HTTP/1.1\r\nHost: x\r\nX-API-Key: k\r\nContent-Type: application/json\r\nContent-Length: 9\r\n\r\n{',
      ],
    ],
    [
      'chunks that trickle in',
      [
        'POST /body HTTP/1.1\r\nHost: x\r\nX-API-Key: k\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n',
        200,
        '1\r\n{\r\n',
        200,
      ],
    ],
  ])('does not wait for %s', async (_name, pieces) => {
    problem(await send(...pieces), 408, 'REQUEST_TIMEOUT');
  });

  it('closes idle connections after the same time, whether they were used before or not', async () => {
    const times = await Promise.all(
      ['', 'GET /here HTTP/1.1\r\nHost: x\r\n\r\n'].map(async (first) => {
        const since = performance.now();
        await send(first);
        return performance.now() - since;
      }),
    );
    for (const time of times) expect(time).toBeGreaterThan(KEEP_ALIVE_MS - 50);
  });

  it.each([
    ['that was used', 'GET /here HTTP/1.1\r\nHost: x\r\n\r\n'],
    ['that never was', ''],
  ])('responds on a connection %s, after a pause longer than a request may take', async (_name, first) => {
    const answer = await send(
      first,
      // Longer than headersTimeout and requestTimeout.
      3 * TIMEOUT_MS,
      'GET /here HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n',
    );
    expect(answer.match(/HTTP\/1.1 \d+/g)).toEqual(Array(first === '' ? 1 : 2).fill('HTTP/1.1 200'));
    problem(
      await send(first, 3 * TIMEOUT_MS, 'nonsense').then((all) => all.replace(/^HTTP[^]*"here"}/, '')),
      400,
      'INVALID_REQUEST',
    );
  });

  it('lets a response take longer than any request may', async () => {
    const answer = await send('GET /stream HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n');
    expect(answer).toMatch(/begin [^]*end/);
  });

  it('breaks a response that has begun, and does not write another one into it', async () => {
    const answer = await send('GET /stream HTTP/1.1\r\nHost: x\r\n\r\n', 100, 'nonsense\r\n\r\n');
    expect(answer).toContain('begin');
    expect(answer).not.toMatch(/problem|HTTP[^]*HTTP/);
  });

  it.each(['TRACE', 'OPTIONS', 'PROPFIND', 'DELETE'])('has no %s if there is no such route', async (method) => {
    problem(await send(`${method} /here HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n`), 405, 'METHOD_NOT_ALLOWED');
    problem(await send(`${method} /no HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n`), 404, 'NOT_FOUND');
  });

  it('is not a proxy: closes CONNECT, ignores Upgrade and unknown expectations', async () => {
    expect(await send('CONNECT example.com:443 HTTP/1.1\r\nHost: x\r\n\r\n')).toBe('');
    expect(await get('Host: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n')).not.toMatch(/^HTTP\/1.1 101/);
    expect(await get('Host: x\r\nExpect: miracles\r\n')).toMatch(/^HTTP\/1.1 200/);
  });

  it('keeps connections open for longer than load balancers do', () => {
    const adapter = new HttpServerAdapter();
    adapter.initHttpServer();
    expect(adapter.getHttpServer()).toMatchObject({ keepAliveTimeout: 620_000, timeout: 0 });
  });
});

describe('the HTTP server, while stopping,', () => {
  let app: NestExpressApplication;
  let port: number;

  beforeEach(async () => {
    const adapter = new HttpServerAdapter();
    app = await NestFactory.create<NestExpressApplication>(TestModule, adapter, { logger: false, bodyParser: false });
    await app.listen(0, '127.0.0.1');
    port = (app.getHttpServer().address() as AddressInfo).port;
  });
  afterEach(() => app.close());

  const open = async (): Promise<Socket> => {
    const socket = connect(port, '127.0.0.1');
    await once(socket, 'connect');
    return socket;
  };
  const get = (socket: Socket, path = '/here') => socket.write(`GET ${path} HTTP/1.1\r\nHost: x\r\n\r\n`);

  it('responds on existing connections, and closes them afterwards', async () => {
    const [used, unused] = await Promise.all([open(), open()]);
    get(used);
    await once(used, 'data');
    const stopped = app.close();
    const answers = Promise.all([used, unused].map((socket) => text(socket)));
    get(used);
    get(unused);
    for (const answer of await answers) {
      expect(answer).toMatch(/^HTTP\/1.1 200 OK[^]*{"path":"here"}$/);
      expect(answer).toMatch(/^connection: close$/im);
    }
    await stopped;
  });

  it('completes responses, and does not wait for idle connections', async () => {
    const [used, unused, busy] = await Promise.all([open(), open(), open()]);
    get(used);
    await once(used, 'data');
    get(busy, '/stream');
    await once(busy, 'data');
    const closed = Promise.all([used, unused].map((socket) => once(socket, 'close')));
    const answer = text(busy);
    const stopped = app.close().then(() => 'stopped');
    expect(await Promise.race([closed.then(() => 'closed'), answer])).toBe('closed');
    expect(await answer).toMatch(/end/);
    expect(await Promise.race([stopped, once(busy, 'close').then(() => stopped)])).toBe('stopped');
  });

  it('accepts no new connections', async () => {
    const stopped = app.close();
    await expect(open()).rejects.toMatchObject({ code: 'ECONNREFUSED' });
    await stopped;
  });
});
