import { Transform } from 'node:stream';
import { type AddressInfo, type Socket, connect, createServer } from 'node:net';

export interface TcpProxy {
  readonly port: number;
  /** Breaks all connections and refuses new ones. */
  cut(): void;
  /** Carries nothing any more, and says so to nobody: as when a firewall drops every packet. */
  stall(): void;
  mend(): void;
  /**
   * Breaks the next connection on which the server has committed a transaction that contains the text, before the client
   * reads that. Resolves then.
   */
  loseCommitOf(text: string): Promise<void>;
  /** What the client sends arrives so much later. To be changed only while nothing is under way. */
  delay(ms: number): void;
  close(): Promise<void>;
}

/** Stands between a client and a server of 127.0.0.1, to take it away and bring it back. */
export async function tcpProxy(host: string, targetPort: number): Promise<TcpProxy> {
  const sockets = new Set<Socket>();
  /** A socket that is paused by hand stays so, whatever a pipe would like. */
  const hold = (...held: Socket[]) => {
    for (const socket of held) {
      socket.unpipe();
      socket.pause();
    }
  };
  let isCut = false;
  let isStalled = false;
  let delayMs = 0;
  const losses: { readonly text: string; readonly done: () => void }[] = [];
  const late = () =>
    new Transform({
      transform(chunk, _, done) {
        if (delayMs === 0) this.push(chunk);
        else setTimeout(() => this.push(chunk), delayMs);
        done();
      },
      flush(done) {
        setTimeout(done, delayMs);
      },
    });
  const server = createServer((near) => {
    if (isCut) {
      near.resetAndDestroy();
      return;
    }
    const far = connect(targetPort, host);
    for (const [socket, other] of [
      [near, far],
      [far, near],
    ] as const) {
      sockets.add(socket);
      socket.on('error', () => other.destroy());
      socket.on('close', () => {
        sockets.delete(socket);
        other.destroy();
      });
    }
    const doomed = commitsOf(losses);
    near.on('data', doomed.sent);
    far.on('data', (answer: Buffer) => {
      if (!doomed.isAnswered(answer)) return;
      far.unpipe(near);
      near.resetAndDestroy();
    });
    near.pipe(late()).pipe(far);
    far.pipe(near);
    if (isStalled) hold(near, far);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const cut = () => {
    isCut = true;
    for (const socket of sockets) socket.resetAndDestroy();
  };
  return {
    port: (server.address() as AddressInfo).port,
    cut,
    stall: () => {
      isStalled = true;
      hold(...sockets);
    },
    mend: () => {
      // What was held has lost its order of things: whoever waits on it is to find that out, and come again.
      if (isStalled) for (const socket of sockets) socket.destroy();
      isCut = isStalled = false;
    },
    loseCommitOf: (text) => new Promise((done) => losses.push({ text, done })),
    delay: (ms) => {
      delayMs = ms;
    },
    close: () => {
      cut();
      return new Promise((resolve) => server.close(() => resolve()));
    },
  };
}

/** Watches one connection for the COMMIT of a transaction that contains one of the texts. */
function commitsOf(losses: { readonly text: string; readonly done: () => void }[]) {
  let transaction = '';
  let found: (typeof losses)[number] | undefined;
  return {
    sent: (data: Buffer) => {
      const text = data.toString('latin1');
      transaction = /\bSTART TRANSACTION\b/.test(text) ? text : transaction + text;
      if (!/\bCOMMIT\b/.test(text)) return;
      found = losses.find((loss) => transaction.includes(loss.text));
      transaction = '';
    },
    /** Whether this is the answer to such a COMMIT. */
    isAnswered: (data: Buffer) => {
      if (found === undefined || !data.toString('latin1').includes('COMMIT')) return false;
      losses.splice(losses.indexOf(found), 1);
      found.done();
      return true;
    },
  };
}
