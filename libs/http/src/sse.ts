import type { OutgoingHttpHeaders, ServerResponse } from 'node:http';
import { jsonLine } from '@app/kernel';
import { Logger, type MessageEvent } from '@nestjs/common';
import { Observable, connect, endWith, ignoreElements, interval, map, merge, takeUntil, tap } from 'rxjs';
import type { AccessedRequest } from './access.js';
import { retryMs } from './retry.js';

let open = 0;

/** The number of open event streams in this process. */
export function openEventStreams(): number {
  return open;
}

const logger = new Logger('Streams');

export const HEARTBEAT_MS = 15_000;

/** Unsent data beyond which a stream waits for its reader. */
const UNSENT_MAX = 64 * 1024;
/** A client that reads nothing for this time is disconnected; it can resume. */
const STALLED_MS = 30_000;

/**
 * Adds heartbeats with the latest id. Ends with the source, or on stop with a `retry:` so that clients reconnect.
 */
export function stream(
  events: Observable<MessageEvent>,
  stop: Observable<unknown>,
  firstId: string,
): Observable<MessageEvent> {
  let id = firstId;
  const beat = interval(HEARTBEAT_MS).pipe(
    map((): MessageEvent => ({ type: 'heartbeat', id, data: { at: new Date().toISOString() } })),
  );
  const withHeartbeat = (shared: Observable<MessageEvent>): Observable<MessageEvent> =>
    merge(shared, beat.pipe(takeUntil(shared.pipe(ignoreElements(), endWith(null)))));
  return new Observable<MessageEvent>((subscriber) => {
    open++;
    const stopping = stop.subscribe(() => {
      subscriber.next({ id, retry: retryMs() });
      subscriber.complete();
    });
    const running = events
      .pipe(
        tap((event) => (id = event.id ?? id)),
        connect(withHeartbeat),
        map(withOneLineData),
      )
      .subscribe(subscriber);
    return () => {
      open--;
      stopping.unsubscribe();
      running.unsubscribe();
    };
  });
}

/** Nest splits data at the line ends of the standard; many clients recognise more line ends. */
function withOneLineData(event: MessageEvent): MessageEvent {
  return typeof event.data === 'object' ? { ...event, data: jsonLine(event.data) } : event;
}

/** Nest sends no charset, so that some clients guess: declares UTF-8, as in the standard. */
function setCharset(response: ServerResponse): void {
  const writeHead = response.writeHead.bind(response) as (
    status: number,
    headers: OutgoingHttpHeaders,
  ) => ServerResponse;
  response.writeHead = (status: number, headers?: unknown) =>
    writeHead(status, { ...(headers as OutgoingHttpHeaders), 'Content-Type': 'text/event-stream; charset=utf-8' });
}

/**
 * An Observable of the generator's events at the pace of the client, since Nest cannot pause a producer. It ends when
 * the key loses its access; a client that reconnects gets the reason. The generator's signal aborts then, and when the
 * client disconnects.
 */
export function paced(
  request: AccessedRequest,
  events: (signal: AbortSignal) => AsyncIterable<MessageEvent>,
): Observable<MessageEvent> {
  if (request.res !== undefined) setCharset(request.res);
  return new Observable((subscriber) => {
    const abort = new AbortController();
    const pump = async (): Promise<void> => {
      for await (const event of events(abort.signal)) {
        subscriber.next(event);
        await readerKeepsUp(request, abort.signal);
        if (abort.signal.aborted) return;
      }
      // An aborted generator ends too.
      if (abort.signal.aborted) return;
      request.grant?.lease.end();
      subscriber.complete();
    };
    const unwatch = request.grant?.lease.watch(() => {
      subscriber.complete();
    });
    pump().catch((error: unknown) => {
      if (abort.signal.aborted) return;
      logger.warn({ err: error }, 'A stream broke off');
      // Nest would send an event named "error", which EventSource reserves. After a broken connection clients resume.
      request.res?.destroy();
      subscriber.complete();
    });
    return () => {
      unwatch?.();
      abort.abort();
    };
  });
}

async function readerKeepsUp({ res: response }: AccessedRequest, signal: AbortSignal): Promise<void> {
  if (response === undefined) return;
  // Nest writes in a later turn of the event loop; check after that.
  await new Promise((resolve) => setImmediate(resolve));
  if (response.writableLength <= UNSENT_MAX || signal.aborted) return;
  const drained = await new Promise<boolean>((resolve) => {
    const settle = (value: boolean): void => {
      clearTimeout(stalled);
      response.off('drain', onDrain);
      signal.removeEventListener('abort', onAbort);
      resolve(value);
    };
    const onDrain = (): void => {
      settle(true);
    };
    const onAbort = (): void => {
      settle(true);
    };
    const stalled = setTimeout(() => {
      settle(false);
    }, STALLED_MS);
    response.once('drain', onDrain);
    signal.addEventListener('abort', onAbort, { once: true });
  });
  if (!drained) response.destroy();
}
