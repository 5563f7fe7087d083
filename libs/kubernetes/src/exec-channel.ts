import type { Socket } from 'node:net';
import { Readable, Writable } from 'node:stream';
import type { ChannelEnd, Channel } from '@app/channel';
import type { WebSocket } from 'ws';
import { endFromStatus } from './exec-status.js';
import { errorFromFailure } from './kubernetes.errors.js';

/**
 * @see
 * https://github.com/kubernetes/kubernetes/blob/master/staging/src/k8s.io/apimachinery/pkg/util/remotecommand/constants.go
 */
const STDIN = 0;
const STDOUT = 1;
const STDERR = 2;
const STATUS = 3;
const CLOSE = 255;

/** The protocol version that can close stdin without closing the connection. */
export const HALF_CLOSING = 'v5.channel.k8s.io';

/** The size that kubectl sends; some servers read each message into memory as a whole. */
const STDIN_FRAME_BYTES = 32 * 1024;
/** Nothing follows the status, so a server that does not close the connection is given up on. */
const CLOSE_GRACE_MS = 2_000;

export interface ChannelSettings {
  readonly pingIntervalMs: number;
  /** Bytes of each stream that are buffered for its reader before the connection is paused. */
  readonly bufferBytes: number;
}

/**
 * An exec over an open WebSocket, with back-pressure both ways.
 *
 * Both output streams share one connection: when one is full, both stall. Read both, or destroy the one you do not
 * need.
 */
export class ExecChannel implements Channel {
  readonly stdin: Writable;
  readonly stdout: Readable;
  readonly stderr: Readable;
  readonly ended: Promise<ChannelEnd>;

  // Private at run time: a WebSocket contains its request, and with it the bearer token.
  readonly #socket: WebSocket;
  readonly #full = new Set<Readable>();
  readonly #settle: (end: ChannelEnd) => void;
  readonly #pinging: NodeJS.Timeout;
  #closing: NodeJS.Timeout | undefined;
  #over = false;
  #status: ChannelEnd | null = null;
  #failure: Error | null = null;

  /** Must be called in the socket's `open` event: frames may follow in the same tick. */
  constructor(socket: WebSocket, connection: Socket, settings: ChannelSettings) {
    this.#socket = socket;
    const { promise, resolve } = Promise.withResolvers<ChannelEnd>();
    this.ended = promise;
    this.#settle = resolve;
    this.stdin = this.#input();
    this.stdout = this.#output(settings.bufferBytes);
    this.stderr = this.#output(settings.bufferBytes);
    this.#pinging = this.#keepAlive(connection, settings.pingIntervalMs);
    socket.on('message', (frame: Buffer) => this.#receive(frame));
    socket.on('error', (error) => (this.#failure ??= errorFromFailure(error)));
    socket.on('close', (code) => this.#closed(code));
  }

  destroy(): void {
    this.#finish(this.#status ?? dropped('The channel was closed locally.'));
  }

  #receive(frame: Buffer): void {
    if (this.#over) return;
    const payload = frame.subarray(1);
    if (frame[0] === STDOUT) this.#push(this.stdout, payload);
    else if (frame[0] === STDERR) this.#push(this.stderr, payload);
    else if (frame[0] === STATUS && this.#status === null) {
      this.#status = endFromStatus(payload.toString('utf8'));
      this.#closing = setTimeout(() => this.#closed(1000), CLOSE_GRACE_MS);
    }
  }

  #push(stream: Readable, payload: Buffer): void {
    if (payload.length === 0 || stream.destroyed || stream.push(payload)) return;
    this.#full.add(stream);
    this.#socket.pause();
  }

  #wanted(stream: Readable): void {
    if (this.#full.delete(stream) && this.#full.size === 0) this.#socket.resume();
  }

  #output(highWaterMark: number): Readable {
    const stream: Readable = new Readable({
      highWaterMark,
      read: () => this.#wanted(stream),
      destroy: (error, done) => {
        this.#wanted(stream);
        done(error);
      },
    });
    return stream;
  }

  #input(): Writable {
    const stdin = new Writable({
      highWaterMark: STDIN_FRAME_BYTES,
      write: (chunk: Buffer, _encoding, done) => this.#sendInput(chunk, done),
      final: (done) => {
        // In v4 stdin can only be closed with the whole connection, which would lose the status: so it stays open.
        if (this.#socket.protocol === HALF_CLOSING) this.#socket.send(Buffer.from([CLOSE, STDIN]), safely(done));
        else done();
      },
    });
    // `ended` reports failures; an error event without a listener would end our process.
    stdin.on('error', () => undefined);
    return stdin;
  }

  /** `send` calls back when the kernel has accepted the frame: that is the back-pressure. */
  #sendInput(chunk: Buffer, done: (error?: Error | null) => void): void {
    const frame = Buffer.concat([Buffer.from([STDIN]), chunk.subarray(0, STDIN_FRAME_BYTES)]);
    const rest = chunk.subarray(STDIN_FRAME_BYTES);
    const next = rest.length > 0 ? (error?: Error) => (error ? done(error) : this.#sendInput(rest, done)) : done;
    this.#socket.send(frame, safely(next));
  }

  /**
   * Pings a connection on which nothing came for an interval; any byte counts as a response, since a pong is queued behind
   * data. Where data flows no ping is needed, and it could do harm: to a peer that has sent everything and closed the
   * connection it would discard what is not read yet. The same holds while readers are slow.
   */
  #keepAlive(connection: Socket, intervalMs: number): NodeJS.Timeout {
    let seen = connection.bytesRead;
    let isAsked = false;
    return setInterval(() => {
      const isSilent = connection.bytesRead === seen && !this.#socket.isPaused;
      if (isSilent && isAsked) this.#finish(dropped(`No response to a ping within ${String(intervalMs)} ms.`));
      else if (isSilent) this.#socket.ping(undefined, undefined, () => undefined);
      isAsked = isSilent;
      seen = connection.bytesRead;
    }, intervalMs);
  }

  #closed(code: number): void {
    const cause = this.#failure ?? new Error(`The connection was closed without a status (code ${String(code)}).`);
    this.#finish(this.#status ?? { kind: 'dropped', cause });
  }

  #finish(end: ChannelEnd): void {
    if (this.#over) return;
    this.#over = true;
    clearInterval(this.#pinging);
    clearTimeout(this.#closing);
    this.#socket.terminate();
    for (const stream of [this.stdout, this.stderr]) if (!stream.destroyed) stream.push(null);
    this.stdin.destroy();
    this.#settle(end);
  }
}

function dropped(message: string): ChannelEnd {
  return { kind: 'dropped', cause: new Error(message) };
}

function safely(done: (error?: Error) => void): (error?: Error) => void {
  return (error) => (error ? done(errorFromFailure(error)) : done());
}
