import { once } from 'node:events';
import { type AddressInfo, type Socket, createServer } from 'node:net';
import { DataSource } from 'typeorm';
import { type PoolOptions, dataSourceOptions } from './data-source.js';

/** Messages of the frontend/backend protocol, version 3.0. */
const AUTHENTICATION_OK = message('R', Buffer.from([0, 0, 0, 0]));
const READY_FOR_QUERY = message('Z', Buffer.from('I'));
const TERMINATED = message('E', Buffer.from('SFATAL\0VFATAL\0C57P01\0Mterminating connection\0\0'));

function message(type: string, body: Buffer): Buffer {
  const head = Buffer.alloc(5);
  head.write(type);
  head.writeInt32BE(body.length + 4, 1);
  return Buffer.concat([head, body]);
}

/** Answers a client so, and what it began with. */
async function meet(answer: Buffer, options: PoolOptions = {}): Promise<{ error: unknown; hello: string }> {
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
  const dataSource = new DataSource(dataSourceOptions(`postgres://rdev@127.0.0.1:${String(port)}/rdev`, options));
  const error: unknown = await dataSource.initialize().catch((reason: unknown) => reason);
  server.close();
  return { error, hello };
}

describe('a connection that is ended in the moment in which it becomes ready', () => {
  it('fails whoever asked for it, and not the process', async () => {
    const { error } = await meet(Buffer.concat([AUTHENTICATION_OK, READY_FOR_QUERY, TERMINATED]));
    expect(error).toBeInstanceOf(Error);
  });
});

describe('a session', () => {
  it('begins with limits, and not through a pooler, which would refuse it', async () => {
    const [direct, pooled] = [await meet(TERMINATED), await meet(TERMINATED, { isPooled: true })];
    expect(direct.hello).toMatch(/statement_timeout\0.*idle_in_transaction_session_timeout\0/);
    expect(pooled.hello).toMatch(/^.{8}user\0rdev\0database\0rdev\0/s);
    expect(pooled.hello).not.toContain('timeout');
  });
});
