import { OutboundHttp } from '@app/outbound-http';
import { Logger } from '@nestjs/common';
import { type AddressInfo, type Server, type Socket, createServer } from 'node:net';
import { StandardWebhooksSender } from './standard-webhooks.sender.js';

const MESSAGE = {
  id: 'evt_1',
  body: '{}',
  traceparent: null,
  secrets: [`whsec_${Buffer.alloc(32).toString('base64')}`],
};

/** Not that of this machine. */
const clock = { now: () => new Date('2001-09-09T01:46:40.700Z'), differenceMs: 0 };

describe('StandardWebhooksSender', () => {
  let server: Server;
  let port: number;
  let respond: (socket: Socket) => void;
  let warned: unknown[];
  const clients: OutboundHttp[] = [];

  beforeAll(async () => {
    server = createServer((socket) => {
      socket.on('error', () => undefined).once('data', () => respond(socket));
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    port = (server.address() as AddressInfo).port;
  });
  beforeEach(() => {
    warned = [];
    jest.spyOn(Logger.prototype, 'warn').mockImplementation((fields: unknown) => void warned.push(fields));
  });
  afterEach(async () => {
    jest.restoreAllMocks();
    for (const client of clients.splice(0)) await client.close();
  });
  afterAll(() => void server.close());

  const attemptAt = async (url: string, options: Partial<ConstructorParameters<typeof OutboundHttp>[0]> = {}) => {
    const http = new OutboundHttp({ allowed: ['127.0.0.0/8'], ...options });
    clients.push(http);
    return (await new StandardWebhooksSender(http, clock).send({ ...MESSAGE, url })).attempt;
  };

  it('says that a target is refused, and tells the addresses to the operator only', async () => {
    const resolve = () => Promise.resolve(['10.1.2.3', 'fd00::7']);
    const { error, status } = await attemptAt('http://vm.internal/secret-path', { allowed: [], resolve });
    expect([status, error]).toEqual([
      null,
      'The target is refused: vm.internal leads to an address that is not allowed.',
    ]);
    expect(warned).toEqual([{ messageId: 'evt_1', hostname: 'vm.internal', addresses: ['10.1.2.3', 'fd00::7'] }]);
  });

  it('says that a target is refused that was allowed when it was given', async () => {
    const { error } = await attemptAt('http://10.1.2.3/', { allowed: [] });
    expect(error).toBe('The URL must not lead to a private, loopback or link-local address.');
  });

  it('signs the time that all replicas share', async () => {
    const received = new Promise<string>((resolve) => {
      respond = (socket) => {
        socket.end('HTTP/1.1 204 X\r\n\r\n');
      };
      server.once('connection', (socket: Socket) => socket.once('data', (data) => resolve(data.toString())));
    });
    await attemptAt(`http://127.0.0.1:${port}/`);
    expect(await received).toMatch(/^webhook-timestamp: 1000000000\r$/im);
  });

  it('says that no connection was made in time', async () => {
    respond = () => undefined;
    const { error } = await attemptAt(`https://127.0.0.1:${port}/`, { connectMs: 300 });
    expect(error).toBe('Could not connect within 0.3 s.');
  });

  it('names the code of a failed connection, and no address', async () => {
    expect((await attemptAt('http://127.0.0.1:2/')).error).toBe('The connection failed: ECONNREFUSED');
  });

  it('says that a name does not exist', async () => {
    const resolve = (name: string) =>
      Promise.reject(Object.assign(new Error(`${name} 10.0.0.1`), { code: 'ENOTFOUND' }));
    expect((await attemptAt('http://none.example/', { resolve })).error).toBe('The connection failed: ENOTFOUND');
  });

  it.each([200, 410, 503])('takes the status %i whatever becomes of the body', async (status) => {
    respond = (socket) => socket.end(`HTTP/1.1 ${status} X\r\nRetry-After: 7\r\nContent-Length: 9\r\n\r\nok`);
    expect(await attemptAt(`http://127.0.0.1:${port}/`)).toMatchObject({ status, excerpt: 'ok', error: null });
  });
});
