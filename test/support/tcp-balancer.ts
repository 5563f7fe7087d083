import { type AddressInfo, type Socket, connect, createServer } from 'node:net';

/** Spreads connections over ports of 127.0.0.1 in turn, as a Service does. */
export class TcpBalancer {
  private readonly sockets = new Set<Socket>();
  private readonly targets: number[] = [];
  private turn = 0;
  private readonly server = createServer((near) => {
    const target = this.targets[this.turn++ % this.targets.length];
    if (target === undefined) {
      near.resetAndDestroy();
      return;
    }
    const far = connect(target, '127.0.0.1');
    for (const [socket, other] of [
      [near, far],
      [far, near],
    ] as const) {
      this.sockets.add(socket);
      socket.on('error', () => other.destroy());
      socket.on('close', () => {
        this.sockets.delete(socket);
        other.end();
      });
      socket.pipe(other);
    }
  });

  static async start(...targets: readonly number[]): Promise<TcpBalancer> {
    const balancer = new TcpBalancer();
    balancer.targets.push(...targets);
    await new Promise<void>((resolve) => balancer.server.listen(0, '127.0.0.1', resolve));
    return balancer;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}`;
  }

  /** Opens no more connections to it; those that are open stay. */
  remove(target: number): void {
    this.targets.splice(this.targets.indexOf(target), 1);
  }

  add(target: number): void {
    this.targets.push(target);
  }

  stop(): void {
    this.server.close();
    for (const socket of this.sockets) socket.destroy();
  }
}
