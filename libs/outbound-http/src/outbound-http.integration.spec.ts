import { type Server as HttpServer, createServer as createHttpServer } from 'node:http';
import { createServer as createSecureServer } from 'node:https';
import { type AddressInfo, type Server, type Socket, connect, createServer } from 'node:net';
import { setDefaultCACertificates, getCACertificates } from 'node:tls';
import { CertificateAuthority } from '../../../test/support/certificates.js';
import { AddressRefused } from './errors.js';
import { OutboundHttp } from './outbound-http.js';

const LOOPBACK = ['127.0.0.0/8'];
const REQUEST = { headers: {}, body: '{"a":1}', timeoutMs: 5_000, keptBytesMax: 16 };
const EMPTY_204 = 'HTTP/1.1 204 No Content\r\n\r\n';

const clients: OutboundHttp[] = [];
const servers: Server[] = [];
const sockets = new Set<Socket>();

afterEach(async () => {
  for (const client of clients.splice(0)) await client.close();
  for (const socket of sockets) socket.destroy();
  for (const server of servers.splice(0)) server.close();
});

function clientOf(options: Partial<ConstructorParameters<typeof OutboundHttp>[0]> = {}): OutboundHttp {
  const client = new OutboundHttp({ allowed: LOOPBACK, ...options });
  clients.push(client);
  return client;
}

async function portOf(server: Server): Promise<number> {
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return (server.address() as AddressInfo).port;
}

/** Calls back for each request, which comes in one piece, with its number on its connection. */
async function rawServer(respond: (socket: Socket, count: number, request: string) => void): Promise<string> {
  const server = createServer((socket) => {
    sockets.add(socket);
    let count = 0;
    socket.on('error', () => undefined).on('close', () => sockets.delete(socket));
    socket.on('data', (data) => respond(socket, ++count, data.toString()));
  });
  return `http://127.0.0.1:${await portOf(server)}/`;
}

describe('a response', () => {
  const chunked = (status: string) => `HTTP/1.1 ${status}\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n`;
  const cut = 'HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nok';

  it.each<[string, number, string, (socket: Socket) => void]>([
    ['whose body never ends', 200, 'ok', (socket) => socket.write(chunked('200 OK'))],
    ['410 whose body never ends', 410, 'ok', (socket) => socket.write(chunked('410 Gone'))],
    ['whose body is cut', 200, 'ok', (socket) => socket.end(cut)],
    [
      'whose body is reset',
      200,
      '',
      (socket) => socket.write('HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n', () => socket.resetAndDestroy()),
    ],
    ['whose chunks are malformed', 200, 'ok', (socket) => socket.write(`${chunked('200 OK')}zz\r\n`)],
    [
      'with more than it announced',
      200,
      'ok',
      (socket) => socket.write(`HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nokGARBAGE`),
    ],
    [
      '101, which was not asked for',
      101,
      '',
      (socket) => socket.write('HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n'),
    ],
  ])('%s counts by its status', async (_what, status, excerpt, respond) => {
    const url = await rawServer(respond);
    const response = await clientOf().post({ ...REQUEST, url });
    expect([response.status, response.excerpt.toString()]).toEqual([status, excerpt]);
  });

  it('whose body drips counts by its status when the time is over', async () => {
    const url = await rawServer((socket) => {
      socket.write(chunked('200 OK'));
      const drip = setInterval(() => socket.write('1\r\n.\r\n'), 50);
      socket.on('close', () => clearInterval(drip));
    });
    const { status, excerpt } = await clientOf().post({ ...REQUEST, url, timeoutMs: 300, keptBytesMax: 1_024 });
    expect([status, excerpt.toString()]).toEqual([200, expect.stringMatching(/^ok\.*$/)]);
  });

  it.each([
    ['100 Continue', 'HTTP/1.1 100 Continue\r\n\r\n'],
    ['102 Processing', 'HTTP/1.1 102 Processing\r\n\r\n'],
    ['103 Early Hints', 'HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n'],
    ['several', 'HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\n\r\nHTTP/1.1 102 Processing\r\n\r\n'],
  ])('may follow informational ones: %s', async (_what, informational) => {
    const url = await rawServer((socket) => socket.write(`${informational}${EMPTY_204}`));
    expect((await clientOf().post({ ...REQUEST, url })).status).toBe(204);
  });

  it('that never comes after informational ones without end is not waited for', async () => {
    const url = await rawServer((socket) => socket.write('HTTP/1.1 103 Early Hints\r\n\r\n'.repeat(1_000)));
    await expect(clientOf().post({ ...REQUEST, url })).rejects.toMatchObject({ code: 'ERR_TOO_MANY_1XX' });
  });
});

describe('a kept connection', () => {
  it.each<[string, (socket: Socket) => void]>([
    ['resets', (socket) => socket.resetAndDestroy()],
    ['closes', (socket) => socket.end()],
  ])('that the server %s when the next request comes costs nothing', async (_what, drop) => {
    const bodies: string[] = [];
    const url = await rawServer((socket, count, request) => {
      if (count > 1) {
        drop(socket);
        return;
      }
      bodies.push(request.split('\r\n\r\n')[1] ?? '');
      socket.write(EMPTY_204);
    });
    const client = clientOf();
    for (let i = 0; i < 4; i++) expect((await client.post({ ...REQUEST, url, body: String(i) })).status).toBe(204);
    expect(bodies).toEqual(['0', '1', '2', '3']);
  });

  it('that the server closes after each response is not used again', async () => {
    let connections = 0;
    const url = await rawServer((socket, count) => {
      connections += count === 1 ? 1 : 0;
      socket.end(EMPTY_204);
    });
    const client = clientOf();
    for (let i = 0; i < 5; i++) expect((await client.post({ ...REQUEST, url })).status).toBe(204);
    expect(connections).toBe(5);
  });

  it('on which a response came before its request is not used again', async () => {
    let connections = 0;
    const url = await rawServer((socket) => {
      connections++;
      socket.write(`${EMPTY_204}HTTP/1.1 410 Gone\r\nContent-Length: 0\r\n\r\n`);
    });
    const client = clientOf();
    for (let i = 0; i < 3; i++) expect((await client.post({ ...REQUEST, url })).status).toBe(204);
    expect(connections).toBe(3);
  });

  it('that is new is not tried twice', async () => {
    let count = 0;
    const url = await rawServer((socket) => {
      count++;
      socket.resetAndDestroy();
    });
    await expect(clientOf().post({ ...REQUEST, url })).rejects.toMatchObject({ code: 'ECONNRESET' });
    expect(count).toBe(1);
  });
});

describe('many requests to one origin', () => {
  it('do not wait for each other', async () => {
    const waiting: Socket[] = [];
    const url = await rawServer((socket) => {
      waiting.push(socket);
      if (waiting.length === 40) for (const one of waiting) one.write(EMPTY_204);
    });
    const client = clientOf();
    const sent = await Promise.all(Array.from({ length: 40 }, () => client.post({ ...REQUEST, url })));
    expect(new Set(sent.map(({ status }) => status))).toEqual(new Set([204]));
  });
});

describe('a connection that is not made in time', () => {
  it('is reported as that', async () => {
    const url = (await rawServer(() => undefined)).replace('http:', 'https:');
    const sent = clientOf({ connectMs: 300 }).post({ ...REQUEST, url });
    await expect(sent).rejects.toThrow('Could not connect within 0.3 s.');
  });
});

describe('through a proxy', () => {
  const authority = new CertificateAuthority();
  const CREDENTIALS = `Basic ${Buffer.from('user:pa:ss').toString('base64')}`;
  let asked: { line: string; authorization: string | undefined }[];
  let proxy: HttpServer;
  let proxyUrl: string;
  let target: { host: string; authorization: string | undefined }[];
  let status: number;

  beforeAll(() => setDefaultCACertificates([...getCACertificates('default'), authority.certificate]));
  beforeEach(async () => {
    [asked, target, status] = [[], [], 200];
    const { key, certificate: cert } = authority.issue('hook.example');
    const secure = createSecureServer({ key, cert }, (request, response) => {
      target.push({ host: String(request.headers.host), authorization: request.headers['proxy-authorization'] });
      response.end('ok');
    });
    const securePort = await portOf(secure);
    proxy = createHttpServer((request, response) => {
      asked.push({ line: `${request.method} ${request.url}`, authorization: request.headers['proxy-authorization'] });
      response.writeHead(status).end('from the proxy');
    });
    proxy.on('connect', (request, socket: Socket) => {
      sockets.add(socket.on('error', () => undefined));
      asked.push({ line: `CONNECT ${request.url}`, authorization: request.headers['proxy-authorization'] });
      if (status !== 200) {
        socket.end(`HTTP/1.1 ${status} No\r\nContent-Length: 2\r\n\r\nno`);
        return;
      }
      const upstream = connect(securePort, '127.0.0.1', () => {
        socket.write('HTTP/1.1 200 OK\r\n\r\n');
        upstream.pipe(socket).pipe(upstream);
      });
      sockets.add(upstream.on('error', () => undefined));
    });
    proxyUrl = `http://user:pa%3Ass@127.0.0.1:${await portOf(proxy)}`;
  });

  const publicly = () => Promise.resolve(['93.184.215.14']);
  const through = (options: Partial<ConstructorParameters<typeof OutboundHttp>[0]> = {}) =>
    clientOf({ allowed: [], resolve: publicly, proxy: { http: proxyUrl, https: proxyUrl }, ...options });

  it('goes a request to https:// by a tunnel, with a verified certificate; the target sees no credentials', async () => {
    const client = through();
    const { excerpt } = await client.post({ ...REQUEST, url: 'https://hook.example/a' });
    await client.post({ ...REQUEST, url: 'https://hook.example/b' });
    expect(excerpt.toString()).toBe('ok');
    expect(asked).toEqual([{ line: 'CONNECT hook.example:443', authorization: CREDENTIALS }]);
    expect(target).toEqual(Array(2).fill({ host: 'hook.example', authorization: undefined }));
    const other = client.post({ ...REQUEST, url: 'https://other.example/' });
    await expect(other).rejects.toMatchObject({ code: 'ERR_TLS_CERT_ALTNAME_INVALID' });
  });

  it('goes a request to http:// as a whole', async () => {
    const { status: got } = await through().post({ ...REQUEST, url: 'http://hook.example:8080/a?b=c' });
    expect(got).toBe(200);
    expect(asked).toEqual([{ line: 'POST http://hook.example:8080/a?b=c', authorization: CREDENTIALS }]);
  });

  it.each([
    ['https://hook.example/', 403],
    ['https://hook.example/', 407],
    ['http://hook.example/', 407],
  ])('a refusal is not a response of %s: %i', async (url, refusal) => {
    status = refusal;
    await expect(through().post({ ...REQUEST, url })).rejects.toMatchObject({
      message: `The proxy responded ${refusal}.`,
    });
  });

  it.each([
    ['refuses connections', 'http://user:secret@127.0.0.1:1', 'The proxy could not be reached: ECONNREFUSED.'],
    ['has no address', 'http://user:secret@proxy.invalid:1', 'The proxy could not be reached: ENOTFOUND.'],
  ])('that %s nothing is said about it', async (_what, url, message) => {
    const resolve = (name: string) =>
      name === 'proxy.invalid' ? Promise.reject(Object.assign(new Error(name), { code: 'ENOTFOUND' })) : publicly();
    const sent = through({ resolve, proxy: { http: url, https: url } }).post({
      ...REQUEST,
      url: 'https://hook.example/',
    });
    await expect(sent).rejects.toMatchObject({ message });
  });

  it.each(['http://mixed.example/', 'https://mixed.example/'])(
    'a name is refused unless all of its addresses are allowed: %s',
    async (url) => {
      const client = through({ resolve: () => Promise.resolve(['93.184.215.14', '10.0.0.1']) });
      await expect(client.post({ ...REQUEST, url })).rejects.toThrow(AddressRefused);
      expect(asked).toEqual([]);
    },
  );

  it('a name is checked for each request, over a kept connection too', async () => {
    const found = [['93.184.215.14'], ['10.0.0.1']];
    const client = through({ resolve: () => Promise.resolve(found.shift() ?? []) });
    await client.post({ ...REQUEST, url: 'http://rebound.example/' });
    await expect(client.post({ ...REQUEST, url: 'http://rebound.example/' })).rejects.toThrow(AddressRefused);
    expect(asked).toHaveLength(1);
  });

  it('a name that is not resolved in time is left to the proxy', async () => {
    const resolve = (_name: string, signal: AbortSignal) =>
      new Promise<never>((_resolve, reject) => {
        signal.addEventListener('abort', () => reject(new Error('late')));
      });
    const { status: got } = await through({ resolve, connectMs: 200 }).post({
      ...REQUEST,
      url: 'http://slow.example/',
    });
    expect(got).toBe(200);
  });
});
