import { HttpStatus, Injectable, type MessageEvent } from '@nestjs/common';
import type { Response } from 'express';
import { untraced } from '@app/tracing';
import { EMPTY, Observable } from 'rxjs';
import type { AccessedRequest } from './access.js';
import { OpenStreams } from './open-streams.js';
import { resumed } from './resumable-sse.js';
import { Shutdown } from './shutdown.js';
import { paced, stream } from './sse.js';

/** The start of a stream, and its events. */
export interface EventSource {
  /** Id of the event after which the stream begins. */
  readonly firstId: string;
  /** Ends on its own, or when the signal aborts. */
  events(signal: AbortSignal): AsyncIterable<MessageEvent>;
}

/** The only way to respond with server-sent events; the route is a {@link ResumableSse}. */
@Injectable()
export class EventStreams {
  constructor(
    private readonly streams: OpenStreams,
    private readonly shutdown: Shutdown,
  ) {}

  /**
   * Sends the events at the pace of the client, with heartbeats, until they end, the key loses its access or the
   * process stops.
   * @param open receives the id of the last event that the client has, or null. Returns null if the client has the last
   * event of the stream, and is told not to reconnect
   * @throws {@link TooManyStreams}, {@link InvalidCursor} with the client's parameter name, and the errors of `open`
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
    const events = stream(messages, this.shutdown.started, source.firstId);
    return new Observable((subscriber) => untraced(() => events.subscribe(subscriber)));
  }
}
