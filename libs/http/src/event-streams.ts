import { HttpStatus, Injectable, type MessageEvent } from '@nestjs/common';
import type { Response } from 'express';
import { EMPTY, type Observable } from 'rxjs';
import type { AccessedRequest } from './access.js';
import { OpenStreams } from './open-streams.js';
import { resumed } from './resumable-sse.js';
import { Shutdown } from './shutdown.js';
import { paced, stream } from './sse.js';

/** Where a stream begins, and what comes then. */
export interface EventSource {
  /** Of the event after which it begins. */
  readonly firstId: string;
  /** Ends by itself, or once the signal aborts. */
  events(signal: AbortSignal): AsyncIterable<MessageEvent>;
}

/** The only way to answer a request by server-sent events; the route is a {@link ResumableSse}. */
@Injectable()
export class EventStreams {
  constructor(
    private readonly streams: OpenStreams,
    private readonly shutdown: Shutdown,
  ) {}

  /**
   * Goes no faster than the client reads, with heartbeats, until the events end, the key loses its right or the process
   * stops.
   * @param open given the id of the last event that the client has, or null. Null: the client has seen the end, and is
   * told not to come again
   * @throws {@link TooManyStreams}, {@link InvalidCursor} by the name that the client knows, and what `open` throws
   */
  async open(
    request: AccessedRequest,
    response: Response,
    open: (lastEventId: string | null) => Promise<EventSource | null>,
  ): Promise<Observable<MessageEvent>> {
    const source = await resumed(request, open);
    if (source === null) {
      // EventSource reconnects until it is told to stop, and 204 tells it. @see HTML, section 9.2.3
      response.status(HttpStatus.NO_CONTENT).end();
      return EMPTY;
    }
    if (request.grant !== undefined) this.streams.hold(request.grant.caller.keyId, response);
    response.setHeader('Last-Event-ID', source.firstId);
    const messages = paced(request, (signal) => source.events(signal));
    return stream(messages, this.shutdown.started, source.firstId);
  }
}
