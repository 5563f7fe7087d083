import { type AddressInfo, type Server, type Socket, connect, createServer } from 'node:net';

/** A way to a server that breaks, stalls or cuts off in the middle, as networks do. */
export class FaultyProxy {
  private readonly sockets = new Set<Socket>();
  private refusing = false;
  private stalled = false;
  /** How many bytes some connections still bring before they break. */
  private left = new Map<Socket, number>();

  private constructor(
    private readonly server: Server,
    private readonly target: { host: string; port: number },
  ) {
    server.on('connection', (near) => this.forward(near));
  }

  static async start(target: { host: string; port: number }): Promise<FaultyProxy> {
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    return new FaultyProxy(server, target);
  }

  get port(): number {
    return (this.server.address() as AddressInfo).port;
  }

  /** Breaks what is open; new connections are fine. */
  drop(): void {
    for (const socket of this.sockets) socket.destroy();
  }

  /** Breaks what is open, and new connections too. */
  refuse(): void {
    this.refusing = true;
    this.drop();
  }

  /** Carries nothing, and tells nobody; what is under way arrives when it is mended. */
  stall(): void {
    this.stalled = true;
    for (const socket of this.sockets) socket.pause();
  }

  /** Breaks every connection as soon as it has brought so many more bytes: in the middle of whatever that is. */
  truncate(bytes: number): void {
    this.left = new Map([...this.sockets].map((socket) => [socket, bytes]));
  }

  mend(): void {
    this.refusing = false;
    this.stalled = false;
    this.left.clear();
    for (const socket of this.sockets) socket.resume();
  }

  async stop(): Promise<void> {
    this.drop();
    await new Promise((resolve) => this.server.close(resolve));
  }

  private forward(near: Socket): void {
    if (this.refusing) return void near.destroy();
    const far = connect(this.target);
    this.carry(near, far);
    this.carry(far, near);
  }

  private carry(from: Socket, to: Socket): void {
    this.sockets.add(from);
    if (this.stalled) from.pause();
    from.on('error', () => undefined);
    from.on('close', () => {
      this.sockets.delete(from);
      this.left.delete(from);
      to.destroy();
    });
    from.on('data', (chunk: Buffer) => {
      const left = this.left.get(from) ?? Infinity;
      this.left.set(from, left - chunk.length);
      if (chunk.length > left) to.write(chunk.subarray(0, left), () => from.destroy());
      else if (!to.write(chunk)) from.pause();
    });
    to.on('drain', () => {
      if (!this.stalled) from.resume();
    });
  }
}
