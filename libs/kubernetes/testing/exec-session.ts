import { EventEmitter, once } from 'node:events';
import type { WebSocket } from 'ws';

/** The server side of one exec: tests write its frames byte by byte. */
export class ExecSession {
  stdinBytes = 0;
  stdinEnded = false;
  private readonly changes = new EventEmitter();

  constructor(
    readonly socket: WebSocket,
    readonly argv: readonly string[],
    readonly container: string | null,
  ) {
    socket.on('error', () => undefined);
    socket.on('message', (frame: Buffer) => {
      if (frame[0] === 0) this.stdinBytes += frame.length - 1;
      if (frame[0] === 255 && frame[1] === 0) this.stdinEnded = true;
      this.changes.emit('change');
    });
    socket.on('close', () => this.changes.emit('change'));
  }

  get closed(): boolean {
    return this.socket.readyState === this.socket.CLOSED;
  }

  stdout(data: string | Buffer): void {
    this.frame(1, data);
  }

  stderr(data: string | Buffer): void {
    this.frame(2, data);
  }

  /** Sends a status and closes, as servers do. */
  end(status: object): void {
    this.frame(3, JSON.stringify(status));
    this.socket.close(1000);
  }

  exit(code: number): void {
    const causes = [{ reason: 'ExitCode', message: String(code) }];
    this.end(
      code === 0 ? { status: 'Success' } : { status: 'Failure', reason: 'NonZeroExitCode', details: { causes } },
    );
  }

  frame(channel: number, data: string | Buffer): void {
    this.socket.send(Buffer.concat([Buffer.from([channel]), Buffer.from(data)]));
  }

  /** Resolves when the condition holds; checked after every frame and at the end. */
  async until(condition: (session: ExecSession) => boolean): Promise<void> {
    while (!condition(this)) await once(this.changes, 'change', { signal: AbortSignal.timeout(5_000) });
  }
}
