import type { OutgoingHttpHeaders, ServerResponse } from 'node:http';
import { jsonLine } from '@app/kernel';
import { Logger, type MessageEvent } from '@nestjs/common';
import { Observable, connect, endWith, ignoreElements, interval, map, merge, takeUntil, tap } from 'rxjs';
import type { AccessedRequest } from './access.js';
import { retryMs } from './retry.js';

let open = 0;

/** How many event streams this process has open. */
export function openEventStreams(): number {
  return open;
}

const logger = new Logger('Streams');

export const HEARTBEAT_MS = 15_000;

/** Beyond this much unsent data a stream waits for its reader. */
const UNSENT_MAX = 64 * 1024;
/** A reader that takes nothing for so long is disconnected; it can resume. */
const STALLED_MS = 30_000;

/**
 * Adds heartbeats that carry the latest id, ends with the source, and ends on stop with a `retry:` so that clients move
 * on.
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
        map(inLines),
      )
      .subscribe(subscriber);
    return () => {
      open--;
      stopping.unsubscribe();
      running.unsubscribe();
    };
  });
}

/** Nest ends the lines of data where the standard does; many clients read by lines that end at more. */
function inLines(event: MessageEvent): MessageEvent {
  return typeof event.data === 'object' ? { ...event, data: jsonLine(event.data) } : event;
}

/** Nest says no charset, and clients guess then: the standard's UTF-8 is said. */
function sayCharset(response: ServerResponse): void {
  const writeHead = response.writeHead.bind(response) as (
    status: number,
    headers: OutgoingHttpHeaders,
  ) => ServerResponse;
  response.writeHead = (status: number, headers?: unknown) =>
    writeHead(status, { ...(headers as OutgoingHttpHeaders), 'Content-Type': 'text/event-stream; charset=utf-8' });
}

/**
 * An Observable of what the generator yields that goes no faster than the client of this request reads: Nest itself
 * cannot pause a producer. It ends when the key loses its right, and a client that comes back is told why. The
 * generator is told to stop then, and when the client leaves.
 */
export function paced(
  request: AccessedRequest,
  events: (signal: AbortSignal) => AsyncIterable<MessageEvent>,
): Observable<MessageEvent> {
  if (request.res !== undefined) sayCharset(request.res);
  return new Observable((subscriber) => {
    const abort = new AbortController();
    const pump = async (): Promise<void> => {
      for await (const event of events(abort.signal)) {
        subscriber.next(event);
        await readerKeepsUp(request, abort.signal);
        if (abort.signal.aborted) return;
      }
      // Also a generator that was told to stop comes to its end.
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
      // Nest would send an event named "error", which EventSource reserves. A broken connection makes clients resume.
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
  // Nest writes in later turns of the event loop; look after it has.
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
