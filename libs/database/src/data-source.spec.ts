import { once } from 'node:events';
import { type AddressInfo, type Socket, createServer } from 'node:net';
import { DataSource } from 'typeorm';
import { dataSourceOptions } from './data-source.js';

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

describe('a connection that is ended in the moment in which it becomes ready', () => {
  it('fails whoever asked for it, and not the process', async () => {
    const server = createServer((socket: Socket) => {
      socket.on('error', () => undefined);
      socket.once('data', () => {
        socket.end(Buffer.concat([AUTHENTICATION_OK, READY_FOR_QUERY, TERMINATED]));
      });
    });
    await once(server.listen(0, '127.0.0.1'), 'listening');
    const { port } = server.address() as AddressInfo;
    const dataSource = new DataSource(dataSourceOptions(`postgres://rdev@127.0.0.1:${String(port)}/rdev`));
    await expect(dataSource.initialize()).rejects.toThrow();
    server.close();
  });
});
