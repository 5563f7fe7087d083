import { once } from 'node:events';
import { type AddressInfo, type Socket, createServer } from 'node:net';
import { DataSource } from 'typeorm';
import { connect } from './connect.js';
import { type PoolOptions, dataSourceOptions } from './data-source.js';

/** Messages of the frontend/backend protocol, version 3.0. */
const AUTHENTICATION_OK = message('R', Buffer.from([0, 0, 0, 0]));
const READY_FOR_QUERY = message('Z', Buffer.from('I'));
const TERMINATED = failure('57P01', 'terminating connection');

function failure(code: string, text: string): Buffer {
  return message('E', Buffer.from(`SFATAL\0VFATAL\0C${code}\0M${text}\0\0`));
}

function message(type: string, body: Buffer): Buffer {
  const head = Buffer.alloc(5);
  head.write(type);
  head.writeInt32BE(body.length + 4, 1);
  return Buffer.concat([head, body]);
}

/** Sends the response to a client, and returns its first message. */
async function meet(
  answer: Buffer,
  options: PoolOptions = {},
  search = '',
): Promise<{ error: unknown; hello: string }> {
  let hello = '';
  const server = createServer((socket: Socket) => {
    socket.on('error', () => undefined);
    socket.once('data', (data) => {
      hello = data.toString();
      socket.end(answer);
    });
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  const { port } = server.address() as AddressInfo;
  const url = `postgres://rdev@127.0.0.1:${String(port)}/rdev${search}`;
  const dataSource = new DataSource(dataSourceOptions(url, options));
  const error: unknown = await dataSource.initialize().catch((reason: unknown) => reason);
  server.close();
  return { error, hello };
}

describe('a connection that is closed at the moment it becomes ready', () => {
  it('fails the caller, and not the process', async () => {
    const { error } = await meet(Buffer.concat([AUTHENTICATION_OK, READY_FOR_QUERY, TERMINATED]));
    expect(error).toBeInstanceOf(Error);
  });
});

describe('a pool', () => {
  it.each([
    ['57P03', 'the database system is starting up', 2],
    ['28P01', 'password authentication failed', 1],
  ])('whose server responds with %s, %s, is tried %i times', async (code, text, times) => {
    let connections = 0;
    const server = createServer((socket) => {
      connections++;
      socket.on('error', () => undefined).once('data', () => socket.end(failure(code, text)));
    });
    await once(server.listen(0, '127.0.0.1'), 'listening');
    const { port } = server.address() as AddressInfo;
    await expect(
      connect(dataSourceOptions(`postgres://127.0.0.1:${String(port)}/rdev`), { attemptsMax: 2 }),
    ).rejects.toThrow(text);
    expect(connections).toBe(times);
    server.close();
  });
});

describe('a session', () => {
  it('starts with limits, but not through a pooler, which would refuse it', async () => {
    const [direct, pooled] = [await meet(TERMINATED), await meet(TERMINATED, { isPooled: true })];
    expect(direct.hello).toMatch(/statement_timeout\0.*idle_in_transaction_session_timeout\0/);
    expect(pooled.hello).toMatch(/^.{8}user\0rdev\0database\0rdev\0/s);
    expect(pooled.hello).not.toContain('timeout');
    expect(pooled.hello).not.toContain('jit');
  });

  it('disables JIT, and appends the options of the URL to ours', async () => {
    const settings = '-c enable_seqscan=off';
    const [plain, given] = [
      await meet(TERMINATED, { settings }),
      await meet(TERMINATED, { settings }, '?options=-c%20a.b%3D1'),
    ];
    expect(plain.hello).toContain('options\0-c jit=off -c enable_seqscan=off\0');
    expect(given.hello).toContain('options\0-c jit=off -c enable_seqscan=off -c a.b=1\0');
  });

  it('has only the options of the URL behind a pooler', async () => {
    const { hello } = await meet(TERMINATED, { isPooled: true }, '?options=-c%20a.b%3D1');
    expect(hello).toContain('options\0-c a.b=1\0');
  });
});
