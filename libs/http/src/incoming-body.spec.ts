import { once } from 'node:events';
import { type AddressInfo, type Socket, connect } from 'node:net';
import { text } from 'node:stream/consumers';
import { gzipSync } from 'node:zlib';
import {
  Body,
  type CanActivate,
  Controller,
  type ExecutionContext,
  Get,
  Logger,
  Module,
  Post,
  UnauthorizedException,
} from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import type { NestExpressApplication } from '@nestjs/platform-express';
import { NoRefusalsModule, asCaller, bodyReading } from '../testing/index.js';
import { HttpModule } from './http.module.js';
import { HttpServerAdapter } from './http-server.js';
import { requestContext } from './request-context.middleware.js';

const MIB = 1_048_576;
const JSON_TYPE = 'Content-Type: application/json\r\n';
/** Maximum bytes of one read from a socket. */
const READ_BYTES = 65_536;

let calls = 0;

@Controller()
class TestController {
  @Post('body')
  body(@Body() body: object): string[] {
    calls++;
    return Object.keys(body);
  }

  @Get('public')
  open(): string {
    return 'open';
  }
}

/** Admits keys, and everyone to public routes; the lookup of `slow` takes until the test ends it. */
let slow = Promise.withResolvers<null>();
const authentication: CanActivate = {
  canActivate: async (context: ExecutionContext): Promise<boolean> => {
    const { path, headers } = context.switchToHttp().getRequest<{ path: string; headers: Record<string, string> }>();
    if (headers['x-api-key'] === undefined && path !== '/public') throw new UnauthorizedException('Who is it?');
    if (headers['x-api-key'] === 'slow') await slow.promise;
    return asCaller.canActivate(context) as boolean;
  },
};

const limits = { bytesMax: 3 * MIB, bytesPerKeyMax: 2 * MIB, waitMs: 100 };

@Module({
  imports: [NoRefusalsModule, HttpModule.with({ publicUrl: null, streamsPerKeyMax: 10 })],
  controllers: [TestController],
  providers: bodyReading(authentication, limits),
})
class TestModule {}

describe('the body of a request, over a socket,', () => {
  let app: NestExpressApplication;
  let port: number;
  let accepted: Socket[] = [];

  beforeAll(async () => {
    Logger.overrideLogger(false);
    app = await NestFactory.create<NestExpressApplication>(TestModule, new HttpServerAdapter(), {
      logger: false,
      bodyParser: false,
    });
    app.use(requestContext);
    await app.listen(0, '127.0.0.1');
    app.getHttpServer().on('connection', (socket: Socket) => accepted.push(socket));
    port = (app.getHttpServer().address() as AddressInfo).port;
  });
  beforeEach(() => {
    [accepted, calls] = [[], 0];
    slow = Promise.withResolvers();
  });
  afterAll(() => app.close());

  const open = (): Socket => connect({ port, host: '127.0.0.1', allowHalfOpen: true }).on('error', () => undefined);
  const head = (lines: string, key: string | null = 'key', path = '/body', method = 'POST') =>
    `${method} ${path} HTTP/1.1\r\nHost: x\r\n${key === null ? '' : `X-API-Key: ${key}\r\n`}${lines}\r\n`;
  const of = (body: string | Buffer, lines = JSON_TYPE) =>
    Buffer.concat([Buffer.from(head(`${lines}Content-Length: ${Buffer.byteLength(body)}\r\n`)), Buffer.from(body)]);
  /** Everything received until the server closes. */
  const send = async (...pieces: readonly (string | Buffer)[]): Promise<string> => {
    const socket = open();
    for (const piece of pieces) socket.write(piece);
    return text(socket).finally(() => socket.destroy());
  };
  const bye = head('Connection: close\r\n', null, '/public', 'GET');
  const statuses = (answer: string) => [...answer.matchAll(/HTTP\/1\.1 (\d+)/g)].map(([, status]) => Number(status));

  /**
   * Sends pieces, whatever the response, until the server accepts no more; returns the response and the bytes accepted.
   */
  const flood = async (start: string, piece: string): Promise<{ answer: string; taken: number }> => {
    const socket = open();
    const answer = text(socket).catch(() => '');
    socket.write(start);
    const isDone = (): boolean => socket.destroyed || (socket.readableEnded && accepted[0]?.isPaused() === true);
    for (let sent = 0; sent < 100 * MIB && !isDone();) {
      if (socket.writableLength < MIB && socket.write(piece)) sent += piece.length;
      await new Promise(setImmediate);
    }
    const said = await answer;
    socket.destroy();
    return { answer: said, taken: accepted[0]!.bytesRead };
  };
  const chunk = `10000\r\n${' '.repeat(65_536)}\r\n`;

  it('is read, and the connection is kept', async () => {
    expect(statuses(await send(of('{"a":1}'), of('{"b":1}'), bye))).toEqual([201, 201, 200]);
    const chunks = `${head(`${JSON_TYPE}Transfer-Encoding: chunked\r\n`)}1\r\n{\r\n6\r\n"a":1}\r\n0\r\n\r\n`;
    expect(await send(chunks, bye)).toMatch(/^HTTP\/1\.1 201 [^]*\["a"\][^]*HTTP\/1\.1 200 /);
  });

  it('may have a MiB, in a few thousand chunks', async () => {
    const script = `{"a":"${'x'.repeat(MIB - 8)}"}`;
    expect(statuses(await send(of(script), bye))).toEqual([201, 200]);
    expect(statuses(await send(of(`${script} `)))).toEqual([413]);
    const chunks = script.match(/[^]{64}/g)!.map((part) => `40\r\n${part}\r\n`);
    const sent = [head(`${JSON_TYPE}Transfer-Encoding: chunked\r\n`), ...chunks, '0\r\n\r\n'];
    expect(statuses(await send(sent.join(''), bye))).toEqual([201, 200]);
  });

  it.each([
    ['one byte each', '1\r\n \r\n'.repeat(10_000)],
    ['long extensions', `1;${'x'.repeat(16_000)}\r\n \r\n`],
  ])('is refused in too many chunks with %s', async (_what, chunks) => {
    const { answer, taken } = await flood(head(`${JSON_TYPE}Transfer-Encoding: chunked\r\n`), chunks);
    expect(statuses(answer)).toEqual([413]);
    expect(taken).toBeLessThan(4 * MIB);
  });

  it.each([
    ['chunks that never end', 413, head(`${JSON_TYPE}Transfer-Encoding: chunked\r\n`)],
    ['a length of a GiB', 413, head(`${JSON_TYPE}Content-Length: 1073741824\r\n`)],
    ['another type', 415, head('Transfer-Encoding: chunked\r\n')],
    ['no key', 401, head(`${JSON_TYPE}Transfer-Encoding: chunked\r\n`, null)],
    ['no route', 404, head(`${JSON_TYPE}Transfer-Encoding: chunked\r\n`, 'key', '/nothing')],
    ['another method', 405, head(`${JSON_TYPE}Transfer-Encoding: chunked\r\n`, 'key', '/body', 'PUT')],
    ['no need for a body', 200, head(`${JSON_TYPE}Transfer-Encoding: chunked\r\n`, null, '/public', 'GET')],
  ])('is not received without limit: %s', async (_what, status, start) => {
    const { answer, taken } = await flood(start, chunk);
    expect(statuses(answer)).toEqual([status]);
    expect(answer).toMatch(/^connection: close\r$/im);
    expect(taken).toBeLessThan(3 * MIB);
    expect(calls).toBe(0);
  });

  it('is not read before authentication', async () => {
    const socket = open();
    socket.write(head(`${JSON_TYPE}Transfer-Encoding: chunked\r\n`, 'slow'));
    socket.write('1\r\n \r\n'.repeat(100_000));
    await once(app.getHttpServer(), 'connection');
    // By the time another connection has been served, everything sent has arrived.
    for (let i = 0; i < 5; i++) await send(bye);
    const taken = accepted[0]!.bytesRead;
    expect(taken).toBeGreaterThan(0);
    expect(taken).toBeLessThan(4 * READ_BYTES);
    slow.resolve(null);
    expect(statuses(await text(socket))).toEqual([413]);
  });

  it('is complete even if most of it arrives before authentication', async () => {
    const body = `{"${'n'.repeat(200_000)}":1}`;
    const answer = send(of(body).toString().replace('key', 'slow'), bye);
    await once(app.getHttpServer(), 'connection');
    for (let i = 0; i < 5; i++) await send(bye);
    slow.resolve(null);
    expect(await answer).toContain('n'.repeat(200_000));
  });

  it('can be sent completely by a client that reads its response only afterwards', async () => {
    const socket = open();
    const body = ' '.repeat(900_000);
    socket.write(head(`${JSON_TYPE}Content-Length: 900000\r\n`, null));
    await new Promise((resolve) => socket.write(body, resolve));
    expect(await text(socket)).toMatch(/^HTTP\/1\.1 401 [^]*}$/);
  });

  it('is not followed by another request if it is refused', async () => {
    const body = ' '.repeat(100_000);
    const refused = head(`${JSON_TYPE}Content-Length: ${body.length}\r\n`, null);
    expect(statuses(await send(refused, body, of('{}')))).toEqual([401]);
    expect(calls).toBe(0);
  });

  it('is requested with 100 Continue, and only if it is read', async () => {
    const expecting = `${JSON_TYPE}Content-Length: 2\r\nExpect: 100-continue\r\n`;
    expect(statuses(await send(head(expecting, null)))).toEqual([401]);
    expect(statuses(await send(head(expecting.replace('2\r\n', '2000000\r\n'))))).toEqual([413]);
    const socket = open();
    socket.write(head(expecting));
    const [first] = (await once(socket, 'data')) as [Buffer];
    expect(first.toString()).toBe('HTTP/1.1 100 Continue\r\n\r\n');
    socket.write('{}');
    socket.write(bye);
    expect(statuses(await text(socket))).toEqual([201, 200]);
  });

  it.each([
    ['gzip', 415, gzipSync('{}'), `${JSON_TYPE}Content-Encoding: gzip\r\n`],
    ['br', 415, '{}', `${JSON_TYPE}Content-Encoding: br\r\n`],
    ['unknown', 415, '{}', `${JSON_TYPE}Content-Encoding: x\r\n`],
    ['two', 415, '{}', `${JSON_TYPE}Content-Encoding: identity, gzip\r\n`],
    ['none', 201, '{}', `${JSON_TYPE}Content-Encoding: Identity\r\n`],
    ['UTF-16', 415, '{}', 'Content-Type: application/json; charset=utf-16\r\n'],
    ['UTF-7', 415, '{}', 'Content-Type: application/json; charset=utf-7\r\n'],
    ['UTF-8 and another', 415, '{}', 'Content-Type: application/json; charset=utf-8; charset=utf-16\r\n'],
    ['Latin-1', 415, '{}', 'Content-Type: application/json; charset=latin1\r\n'],
    ['Latin-1 between spaces', 415, '{}', 'Content-Type: application/json; charset = latin1\r\n'],
    ['Latin-1 after a space', 415, '{}', 'Content-Type: application/json; charset= latin1\r\n'],
    ['Latin-1 in the extended form', 415, '{}', "Content-Type: application/json; charset*=latin1''\r\n"],
    ['Latin-1 in quotes', 415, '{}', 'Content-Type: application/json; charset="latin1"\r\n'],
    ['an empty charset', 415, '{}', 'Content-Type: application/json; charset=\r\n'],
    ['an empty charset in quotes', 415, '{}', 'Content-Type: application/json; charset=""\r\n'],
    ['a charset without a value', 415, '{}', 'Content-Type: application/json; charset\r\n'],
    ['another parameter', 201, '{}', 'Content-Type: application/json; profile=x\r\n'],
    ['UTF-8', 201, '{}', 'Content-Type: application/json; charset="UTF-8"\r\n'],
    ['bytes that are not UTF-8', 400, Buffer.from('7b22ff223a317d', 'hex'), JSON_TYPE],
    ['a merge patch', 201, '{}', 'Content-Type: application/merge-patch+json\r\n'],
    ['text', 415, '{}', 'Content-Type: text/plain\r\n'],
    ['no type', 415, '{}', ''],
    ['two types', 415, '{}', 'Content-Type: application/json, text/plain\r\n'],
  ])('has an encoding and a charset: %s is %d', async (_what, status, body, lines) => {
    expect(statuses(await send(of(body, `${lines}Connection: close\r\n`)))).toEqual([status]);
    expect(calls).toBe(status === 201 ? 1 : 0);
  });

  it.each([
    ['gzip, chunked', 415],
    ['gzip\r\nTransfer-Encoding: chunked', 415],
    ['chunked, gzip', 400],
    ['chunked\r\nTransfer-Encoding: gzip', 400],
    ['chunked\r\nTransfer-Encoding: chunked', 400],
  ])(
    'is refused with another transfer coding than chunked, and its connection is closed: %j',
    async (codings, status) => {
      const answer = await send(head(`${JSON_TYPE}Transfer-Encoding: ${codings}\r\n`), `2\r\n{}\r\n0\r\n\r\n${bye}`);
      expect(statuses(answer)).toEqual([status]);
      expect(calls).toBe(0);
    },
  );

  it('delays only its key if it is sent slowly', async () => {
    const slowly = [open(), open()];
    for (const socket of slowly) socket.write(`${head(`${JSON_TYPE}Content-Length: ${MIB}\r\n`, 'greedy')}{`);
    for (let i = 0; i < 5; i++) await send(bye);
    const small = of('{}').toString();
    expect(statuses(await send(small.replace('key', 'greedy'), bye))).toEqual([429, 200]);
    expect(statuses(await send(small, bye))).toEqual([201, 200]);
    for (const socket of slowly) socket.destroy();
    expect(statuses(await send(small.replace('key', 'greedy'), bye))).toEqual([201, 200]);
  });
});
