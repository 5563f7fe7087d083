import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { BadRequestException, PayloadTooLargeException } from '@nestjs/common';

const BODY_BYTES_MAX = 1_048_576;
/** How much of a body is received before it is read, plus at most one read from the socket of 64 KiB. */
const UNASKED_BYTES_MAX = 16 * 1024;
const UNASKED_PIECES_MAX = 1_024;
/** Chunks have an overhead on the wire, and each takes time, however small. */
const WIRE_BYTES_MAX = 2 * BODY_BYTES_MAX;
const PIECES_MAX = 32_768;
/** Many clients read the response only after sending everything, so some more bytes are received and discarded. */
const DISCARDED_BYTES_MAX = BODY_BYTES_MAX;
const DISCARDED_PIECES_MAX = 4_096;
const LINGER_MS = 5_000;

const bodies = new WeakMap<IncomingMessage, IncomingBody>();

/**
 * The body of a request, in one buffer: Node would use 400 bytes per chunk, and a client may send chunks of one byte.
 * Little of it is received until it is read. A response before its end closes the connection, in a way that lets the
 * client read the response.
 */
export class IncomingBody {
  private bytes = Buffer.alloc(0);
  private length = 0;
  private pieces = 0;
  private wireEnd: number;
  private state: 'unasked' | 'asked' | 'discarding' | 'complete' = 'unasked';
  private isTooLarge = false;
  private onSettled: (() => void) | undefined;

  private constructor(
    private readonly request: IncomingMessage,
    private readonly response: ServerResponse,
  ) {
    this.wireEnd = request.socket.bytesRead + WIRE_BYTES_MAX;
    const end = request.push.bind(request, null);
    const { shouldKeepAlive } = response;
    response.shouldKeepAlive = false;
    // The request's own stream receives only the end.
    request.push = (chunk: Buffer | null) => {
      if (chunk !== null) return this.add(chunk);
      response.shouldKeepAlive = shouldKeepAlive;
      this.complete();
      request.resume();
      return end();
    };
    response.prependOnceListener('finish', () => {
      if (this.state !== 'complete') this.discard(request.socket);
    });
    this.receive();
  }

  /** Must be called when the request arrives, before its body. */
  static expect(request: IncomingMessage, response: ServerResponse): void {
    const { 'content-length': length, 'transfer-encoding': coding } = request.headers;
    if (Number(length ?? 0) > 0 || coding !== undefined) {
      bodies.set(request, new IncomingBody(request, response));
    }
  }

  /** Null: the request has no body. */
  static of(request: IncomingMessage): IncomingBody | null {
    return bodies.get(request) ?? null;
  }

  /** The maximum number of bytes to expect. @throws PayloadTooLargeException if the declared length is too large */
  bytesMax(): number {
    const bytes = Number(this.request.headers['content-length'] ?? BODY_BYTES_MAX);
    if (bytes > BODY_BYTES_MAX) throw tooLarge();
    return bytes;
  }

  /**
   * Reads the whole body.
   * @throws PayloadTooLargeException if it is too large; BadRequestException if the client disconnects
   */
  async read(): Promise<Buffer> {
    if (this.state === 'unasked') await this.rest();
    if (this.isTooLarge) throw tooLarge();
    if (this.state !== 'complete') throw new BadRequestException('The body is incomplete.');
    const bytes = this.bytes.subarray(0, this.length);
    this.bytes = Buffer.alloc(0);
    return bytes;
  }

  private async rest(): Promise<void> {
    this.state = 'asked';
    if (isContinueExpected(this.request)) this.response.writeContinue();
    await new Promise<void>((resolve) => {
      this.onSettled = resolve;
      this.request.once('close', resolve);
      if (this.isTooLarge || this.request.destroyed) resolve();
      this.receive();
    });
  }

  /** Returns whether to continue; false makes Node stop reading from the socket. */
  private add(chunk: Buffer): boolean {
    this.pieces++;
    const isTooMuch = this.pieces > PIECES_MAX || this.request.socket.bytesRead > this.wireEnd;
    if (this.state === 'discarding') return !isTooMuch;
    if (isTooMuch || this.length + chunk.length > BODY_BYTES_MAX) {
      this.isTooLarge = true;
      this.onSettled?.();
      return false;
    }
    this.store(chunk);
    return this.state === 'asked' || (this.length < UNASKED_BYTES_MAX && this.pieces < UNASKED_PIECES_MAX);
  }

  private store(chunk: Buffer): void {
    const length = this.length + chunk.length;
    if (length > this.bytes.length) {
      const larger = Buffer.allocUnsafeSlow(Math.max(2 * this.bytes.length, length));
      this.bytes.copy(larger, 0, 0, this.length);
      this.bytes = larger;
    }
    chunk.copy(this.bytes, this.length);
    this.length = length;
  }

  /** If the client already got a timeout response, the request must not be executed. */
  private complete(): void {
    if (this.request.socket.writable) this.state = 'complete';
    this.onSettled?.();
  }

  /** Makes Node read from the socket again. */
  private receive(): void {
    this.request._read(0);
  }

  private discard(socket: Socket): void {
    this.state = 'discarding';
    this.bytes = Buffer.alloc(0);
    this.pieces = PIECES_MAX - DISCARDED_PIECES_MAX;
    this.wireEnd = socket.bytesRead + DISCARDED_BYTES_MAX;
    // Node calls it after the last response of a connection. Closing it while bytes arrive would reset it, and the
    // client would lose the response.
    socket.destroySoon = () => {
      linger(socket);
    };
    this.receive();
  }
}

function isContinueExpected({ httpVersion, headers }: IncomingMessage): boolean {
  return httpVersion === '1.1' && /\b100-continue\b/i.test(headers.expect ?? '');
}

function tooLarge(): PayloadTooLargeException {
  return new PayloadTooLargeException('The body is larger than 1 MiB, or comes in more than 32,768 pieces.');
}

function linger(socket: Socket): void {
  socket.end();
  const timer = setTimeout(() => socket.destroy(), LINGER_MS).unref();
  socket.once('end', () => socket.destroy());
  socket.once('close', () => {
    clearTimeout(timer);
  });
}
