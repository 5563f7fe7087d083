import {
  type ClientRequest,
  type IncomingHttpHeaders,
  type IncomingMessage,
  type RequestOptions,
  request,
} from 'node:http';
import { OutboundTimeout, codeOf, seconds } from './errors.js';

/** How long the body of a response may be silent. */
const BODY_IDLE_MS = 1_000;
/** A server sends a few before its response. */
const INFORMATIONAL_MAX = 100;

export interface OutboundResponse {
  readonly status: number;
  readonly headers: Readonly<IncomingHttpHeaders>;
  /** The first bytes of the body, as far as they arrived in time. */
  readonly excerpt: Buffer;
}

export interface Exchange<Options extends RequestOptions = RequestOptions> {
  readonly options: Options;
  readonly body: string;
  /** In milliseconds, as `performance.now()` counts. */
  readonly deadline: number;
  readonly timeoutMs: number;
  readonly keptBytesMax: number;
}

/** The server ended a connection of an earlier request, without a response to this one. */
export class ConnectionStale extends Error {}

/**
 * Sends a request and reads the response. The status counts as soon as the headers are there: a body that is cut or
 * never ends takes nothing from it.
 * @throws {@link ConnectionStale}, {@link OutboundTimeout} or an error with a `code`
 */
export function exchange(given: Exchange): Promise<OutboundResponse> {
  return new Promise((resolve, reject) => {
    const sent = request(given.options);
    let isAnswered = false;
    let timer: NodeJS.Timeout | undefined;
    const answer = ({ statusCode = 0, headers }: IncomingMessage, excerpt: Promise<Buffer>): void => {
      isAnswered = true;
      void excerpt.then((bytes) => {
        clearTimeout(timer);
        resolve({ status: statusCode, headers, excerpt: bytes });
      });
    };
    sent.once('socket', () => {
      timer = setTimeout(() => {
        sent.destroy(new OutboundTimeout(`There was no response within ${seconds(given.timeoutMs)}.`));
      }, given.deadline - performance.now());
    });
    sent.on('error', (error) => {
      if (isAnswered) return;
      clearTimeout(timer);
      reject(isStale(sent, error) ? new ConnectionStale('The connection was stale', { cause: error }) : error);
    });
    limitInformational(sent);
    sent.once('upgrade', (response, socket) => {
      socket.destroy();
      answer(response, Promise.resolve(Buffer.alloc(0)));
    });
    sent.once('response', (response) => {
      answer(response, firstBytes(response, given.keptBytesMax));
    });
    sent.end(given.body);
  });
}

/** A server that sends nothing but 1xx keeps the parser busy. */
function limitInformational(sent: ClientRequest): void {
  let count = 0;
  sent.on('information', () => {
    if (++count > INFORMATIONAL_MAX)
      sent.destroy(Object.assign(new Error('Too many informational responses'), { code: 'ERR_TOO_MANY_1XX' }));
  });
}

/** @see https://nodejs.org/api/http.html#requestreusedsocket */
function isStale({ reusedSocket }: ClientRequest, error: Error): boolean {
  return reusedSocket && (codeOf(error) === 'ECONNRESET' || codeOf(error) === 'EPIPE');
}

/** Reads to the end if the body is short, so that the connection can be used again; otherwise drops the connection. */
async function firstBytes(response: IncomingMessage, max: number): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let length = 0;
  const idle = setTimeout(() => {
    response.destroy();
  }, BODY_IDLE_MS);
  try {
    for await (const chunk of response as AsyncIterable<Buffer>) {
      chunks.push(chunk);
      length += chunk.length;
      if (length > max) break;
      idle.refresh();
    }
  } catch {
    // The body was cut, or its time is over: what was read is the excerpt.
  } finally {
    clearTimeout(idle);
  }
  return Buffer.concat(chunks).subarray(0, max);
}
