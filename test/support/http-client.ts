import { type ClientRequest, type IncomingMessage, request as httpRequest } from 'node:http';
import { text } from 'node:stream/consumers';
import { noteKey, noteRequest, noteResponse, noteText } from './known-secrets.js';
import { readEvents, type SseEvent } from './sse-reader.js';

export interface TestResponse {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly text: string;
  /** The parsed body; undefined if it is not JSON. */
  readonly body: any;
}

export interface SseOptions {
  readonly lastEventId?: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** Breaks the connection, without a word, when so many events have come. */
  readonly dropAfter?: number;
  readonly signal?: AbortSignal;
}

export interface SseStream extends AsyncIterable<SseEvent> {
  readonly status: number;
  readonly headers: TestResponse['headers'];
  /** Breaks the connection. */
  drop(): void;
}

/** The stream was refused. */
export class StreamRefused extends Error {
  constructor(readonly response: TestResponse) {
    super(`The stream was refused: ${response.status} ${response.text}`);
  }
}

/**
 * Speaks to one API with one key, over plain node:http so that nothing is retried, pooled or buffered behind our back.
 */
export class HttpClient {
  constructor(
    readonly baseUrl: string,
    readonly key?: string,
    private readonly timeoutMs?: number,
  ) {}

  /** The same API with another key, or none. */
  as(key: string | undefined): HttpClient {
    return new HttpClient(this.baseUrl, key, this.timeoutMs);
  }

  /** The same, but a request fails that is not answered in time; streams may take as long as they like. */
  within(timeoutMs: number): HttpClient {
    return new HttpClient(this.baseUrl, this.key, timeoutMs);
  }

  /** A body that is text or bytes goes as it is, anything else as JSON. */
  async request(
    method: string,
    path: string,
    body?: unknown,
    headers: Readonly<Record<string, string>> = {},
  ): Promise<TestResponse> {
    const signal = this.timeoutMs === undefined ? undefined : AbortSignal.timeout(this.timeoutMs);
    const response = await this.open(method, path, body, headers, signal);
    return answer(response, await text(response));
  }

  get(path: string, headers?: Readonly<Record<string, string>>): Promise<TestResponse> {
    return this.request('GET', path, undefined, headers);
  }

  post(path: string, body?: unknown, headers?: Readonly<Record<string, string>>): Promise<TestResponse> {
    return this.request('POST', path, body, headers);
  }

  /**
   * The answer as bytes: output need not be text. Breaks the connection once there are so many; what came until then is
   * answered, as it is when the server breaks it.
   */
  async bytes(
    path: string,
    headers: Readonly<Record<string, string>> = {},
    breakAfter = Infinity,
  ): Promise<{ status: number; headers: TestResponse['headers']; bytes: Buffer; isWhole: boolean }> {
    const response = await this.open('GET', path, undefined, headers);
    const chunks: Buffer[] = [];
    let length = 0;
    try {
      for await (const chunk of response as AsyncIterable<Buffer>) {
        chunks.push(chunk);
        length += chunk.length;
        if (length >= breakAfter) break;
      }
    } catch {
      // It is not whole, then.
    }
    const isWhole = response.complete && length < breakAfter;
    if (!isWhole) response.socket.destroy();
    const bytes = Buffer.concat(chunks);
    noteText(bytes.toString('utf8', 0, 1_000));
    return { status: response.statusCode ?? 0, headers: response.headers, bytes, isWhole };
  }

  /**
   * Opens an event stream. Iterating ends when the server ends it, and throws if the connection breaks unasked.
   * @throws {@link StreamRefused} unless the answer is 200
   */
  async sse(
    path: string,
    { lastEventId, headers = {}, dropAfter = Infinity, signal }: SseOptions = {},
  ): Promise<SseStream> {
    const resume = lastEventId === undefined ? {} : { 'last-event-id': lastEventId };
    const response = await this.open(
      'GET',
      path,
      undefined,
      { accept: 'text/event-stream', ...resume, ...headers },
      signal,
    );
    if (response.statusCode !== 200) throw new StreamRefused(answer(response, await text(response)));
    // Not resetAndDestroy(): with Node 26.10 a process that used it may hang in its own clean-up at exit.
    const drop = () => void response.socket.destroy();
    return {
      status: response.statusCode,
      headers: response.headers,
      drop,
      [Symbol.asyncIterator]: () => limited(readEvents(response), dropAfter, drop),
    };
  }

  private open(
    method: string,
    path: string,
    body: unknown,
    headers: Readonly<Record<string, string>>,
    signal?: AbortSignal,
  ): Promise<IncomingMessage> {
    noteKey(this.key);
    noteRequest(path, body);
    const isRaw = typeof body === 'string' || Buffer.isBuffer(body);
    const payload = body === undefined ? undefined : isRaw ? body : JSON.stringify(body);
    const all = {
      ...(this.key === undefined ? {} : { authorization: `Bearer ${this.key}` }),
      ...(payload === undefined
        ? {}
        : { 'content-type': 'application/json', 'content-length': String(Buffer.byteLength(payload)) }),
      ...headers,
    };
    return new Promise((resolve, reject) => {
      const options = { method, headers: all, agent: false as const, ...(signal === undefined ? {} : { signal }) };
      const sent: ClientRequest = httpRequest(new URL(path, this.baseUrl), options, resolve);
      sent.once('error', reject);
      sent.end(payload);
    });
  }
}

function answer(response: IncomingMessage, body: string): TestResponse {
  const isJson = /[/+]json/.test(response.headers['content-type'] ?? '');
  const parsed: unknown = isJson ? JSON.parse(body) : undefined;
  noteResponse(parsed);
  return { status: response.statusCode ?? 0, headers: response.headers, text: body, body: parsed };
}

async function* limited(
  events: AsyncIterable<SseEvent>,
  dropAfter: number,
  drop: () => void,
): AsyncGenerator<SseEvent> {
  let count = 0;
  try {
    for await (const event of events) {
      if (event.event === 'output') noteText(String(event.data.data).slice(0, 1_000));
      yield event;
      if (++count >= dropAfter) return;
    }
  } finally {
    drop(); // also when the reader leaves the loop
  }
}
