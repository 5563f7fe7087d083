import { once } from 'node:events';
import { type AddressInfo, connect } from 'node:net';
import { type ServerResponse, createServer } from 'node:http';
import { OpenStreams, TooManyStreams } from './open-streams.js';

describe('open streams', () => {
  let streams: OpenStreams;
  beforeEach(() => {
    streams = new OpenStreams(1);
  });

  /** The response of a client that disconnects immediately after its request. */
  async function responseThatCloses(): Promise<ServerResponse> {
    const server = createServer();
    await once(server.listen(0, '127.0.0.1'), 'listening');
    const socket = connect((server.address() as AddressInfo).port, '127.0.0.1');
    socket.write('GET / HTTP/1.1\r\nHost: rdev\r\n\r\n');
    const [, response] = (await once(server, 'request')) as [unknown, ServerResponse];
    socket.destroy();
    server.close();
    return response;
  }

  it('are limited per key', () => {
    const release = streams.acquire('a');
    streams.acquire('b');
    expect(() => streams.acquire('a')).toThrow(TooManyStreams);
    release();
    release();
    streams.acquire('a');
    expect(() => streams.acquire('a')).toThrow(TooManyStreams);
  });

  it('are released with their response', async () => {
    const response = await responseThatCloses();
    streams.hold('a', response);
    expect(() => streams.acquire('a')).toThrow(TooManyStreams);
    await once(response, 'close');
    streams.acquire('a');
  });

  it('are not counted for a client that disconnects before they begin', async () => {
    const response = await responseThatCloses();
    await once(response, 'close');
    streams.hold('a', response);
    streams.acquire('a');
  });
});
