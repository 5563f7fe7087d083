import { type IncomingMessage, type Server, type ServerResponse, createServer } from 'node:http';
import { request } from 'node:https';
import type { AddressInfo, Socket } from 'node:net';

/** A gateway in front of an API server, over plain HTTP, that can respond in its place. */
export class ApiGateway {
  private failure: number | null = null;
  private readonly sockets = new Set<Socket>();
  private readonly server: Server;

  private constructor(private readonly target: { readonly host: string; readonly port: number }) {
    this.server = createServer((incoming, response) => {
      if (this.failure !== null) refuse(response, this.failure);
      else this.forward(incoming, response);
    });
    this.server.on('upgrade', (incoming: IncomingMessage, socket: Socket, head: Buffer) => {
      if (this.failure !== null)
        socket.end(`HTTP/1.1 ${this.failure} X\r\nContent-Length: 0\r\nConnection: close\r\n\r\n`);
      else this.upgrade(incoming, socket, head);
    });
    this.server.on('connection', (socket) => this.keep(socket));
  }

  static async start(target: { readonly host: string; readonly port: number }): Promise<ApiGateway> {
    const gateway = new ApiGateway(target);
    await new Promise<void>((resolve) => gateway.server.listen(0, '127.0.0.1', resolve));
    return gateway;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}`;
  }

  /** Ends what is open, and responds to all requests with the status. */
  fail(status: number): void {
    this.failure = status;
    for (const socket of this.sockets) socket.destroy();
  }

  mend(): void {
    this.failure = null;
  }

  stop(): void {
    this.server.close();
    for (const socket of this.sockets) socket.destroy();
  }

  private keep(socket: Socket): void {
    this.sockets.add(socket);
    socket.on('error', () => socket.destroy());
    socket.on('close', () => this.sockets.delete(socket));
  }

  private outgoing({ method, url, headers }: IncomingMessage) {
    return request({ ...this.target, method, path: url, headers, rejectUnauthorized: false });
  }

  private forward(incoming: IncomingMessage, response: ServerResponse): void {
    const outgoing = this.outgoing(incoming);
    outgoing.on('response', (answer) => {
      response.writeHead(answer.statusCode ?? 502, answer.headers);
      answer.pipe(response);
      answer.on('error', () => response.destroy());
    });
    outgoing.on('error', () => response.destroy());
    response.on('close', () => outgoing.destroy());
    incoming.pipe(outgoing);
  }

  private upgrade(incoming: IncomingMessage, socket: Socket, head: Buffer): void {
    const outgoing = this.outgoing(incoming);
    outgoing.on('upgrade', (answer, far: Socket, farHead) => {
      const lines = Object.entries(answer.headers).map(([name, value]) => `${name}: ${String(value)}`);
      socket.write(['HTTP/1.1 101 Switching Protocols', ...lines, '', ''].join('\r\n'));
      this.keep(far);
      socket.write(farHead);
      far.write(head);
      socket.pipe(far).pipe(socket);
      socket.on('close', () => far.destroy());
      far.on('close', () => socket.destroy());
    });
    outgoing.on('response', (answer) => {
      socket.write(`HTTP/1.1 ${answer.statusCode} X\r\nConnection: close\r\n\r\n`);
      answer.pipe(socket);
    });
    outgoing.on('error', () => socket.destroy());
    outgoing.end();
  }
}

/** As an API server that is overloaded or broken does. */
function refuse(response: ServerResponse, status: number): void {
  const body = { kind: 'Status', apiVersion: 'v1', status: 'Failure', code: status, message: 'It is a test.' };
  response.writeHead(status, { 'content-type': 'application/json', 'retry-after': '1' }).end(JSON.stringify(body));
}
