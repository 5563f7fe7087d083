import { EventEmitter } from 'node:events';
import { Deferred, until } from '@app/kernel/testing';
import { Logger, type MessageEvent } from '@nestjs/common';
import type { Request } from 'express';
import { NEVER, Observable, Subject, toArray } from 'rxjs';
import { HEARTBEAT_MS, paced, stream } from './sse.js';

/** The parts of a response that the stream uses. */
class FakeResponse extends EventEmitter {
  writableLength = 0;
  destroyed = false;
  readonly writeHead = (): this => this;

  destroy(): void {
    this.destroyed = true;
    this.emit('close');
  }
}

const requestWith = (res: FakeResponse): Request => ({ res }) as unknown as Request;
const message = (id: string): MessageEvent => ({ type: 'output', id, data: id });

describe('stream', () => {
  beforeEach(() => jest.useFakeTimers());
  afterEach(() => jest.useRealTimers());

  const record = (
    events: Observable<MessageEvent>,
    stop: Observable<unknown> = NEVER,
  ): { seen: MessageEvent[]; state: { ended: boolean }; unsubscribe: () => void } => {
    const seen: MessageEvent[] = [];
    const state = { ended: false };
    const subscription = stream(events, stop, 'first').subscribe({
      next: (event) => seen.push(event),
      complete: () => (state.ended = true),
    });
    return { seen, state, unsubscribe: () => subscription.unsubscribe() };
  };

  it('forwards messages and ends with them', () => {
    const events = new Subject<MessageEvent>();
    const { seen, state } = record(events);
    events.next(message('a'));
    events.next(message('b'));
    events.complete();
    expect(seen.map(({ id }) => id)).toEqual(['a', 'b']);
    expect(state.ended).toBe(true);
    jest.advanceTimersByTime(HEARTBEAT_MS * 3);
    expect(seen).toHaveLength(2);
  });

  it('sends heartbeats with the latest id, or the first id before any message', () => {
    const events = new Subject<MessageEvent>();
    const { seen } = record(events);
    jest.advanceTimersByTime(HEARTBEAT_MS);
    events.next(message('a'));
    events.next({ type: 'status', data: 'has no id' });
    jest.advanceTimersByTime(HEARTBEAT_MS);
    const beats = seen.filter(({ type }) => type === 'heartbeat');
    expect(beats.map(({ id }) => id)).toEqual(['first', 'a']);
    expect(beats[0]!.data).toMatch(/^{"at":"\d{4}-.*Z"}$/);
  });

  it('has data that is a single line for every reader', () => {
    const events = new Subject<MessageEvent>();
    const { seen } = record(events);
    const data = { data: 'a\u0085b\u2028c\u2029d\n' };
    events.next({ type: 'output', id: 'a', data });
    expect(seen[0]!.data).toBe('{"data":"a\\u0085b\\u2028c\\u2029d\\n"}');
  });

  it('adds an id to every message', () => {
    const events = new Subject<MessageEvent>();
    const stop = new Subject<void>();
    const { seen } = record(events, stop);
    jest.advanceTimersByTime(HEARTBEAT_MS);
    events.next(message('a'));
    jest.advanceTimersByTime(HEARTBEAT_MS);
    stop.next();
    expect(seen.map(({ id }) => id)).toEqual(['first', 'a', 'a', 'a']);
  });

  it('tells clients on stop to reconnect, with the latest id, and ends', () => {
    const events = new Subject<MessageEvent>();
    const stop = new Subject<void>();
    const { seen, state } = record(events, stop);
    events.next(message('a'));
    stop.next();
    expect(seen.at(-1)).toMatchObject({ id: 'a', retry: expect.any(Number) });
    expect(state.ended).toBe(true);
    expect(events.observed).toBe(false);
    events.next(message('late'));
    jest.advanceTimersByTime(HEARTBEAT_MS);
    expect(seen).toHaveLength(2);
  });

  it('makes clients wait for a restart, for a random time', () => {
    const retries = Array.from({ length: 100 }, () => {
      const stop = new Subject<void>();
      const { seen } = record(NEVER, stop);
      stop.next();
      return seen[0]!.retry!;
    });
    expect(Math.min(...retries)).toBeGreaterThanOrEqual(2_000);
    expect(Math.max(...retries)).toBeLessThan(5_000);
    expect(new Set(retries).size).toBeGreaterThan(50);
  });

  it('ends immediately if the process is already stopping', () => {
    let alive = 0;
    const events = new Observable<MessageEvent>(() => {
      alive++;
      return () => alive--;
    });
    const { seen, state } = record(events, new Observable((subscriber) => subscriber.next(null)));
    expect(state.ended).toBe(true);
    expect(seen).toMatchObject([{ retry: expect.any(Number) }]);
    expect(alive).toBe(0);
    expect(jest.getTimerCount()).toBe(0);
  });

  it('releases everything when the client disconnects', () => {
    const events = new Subject<MessageEvent>();
    const stop = new Subject<void>();
    const { unsubscribe } = record(events, stop);
    unsubscribe();
    expect([events.observed, stop.observed, jest.getTimerCount()]).toEqual([false, false, 0]);
  });
});

describe('paced', () => {
  beforeAll(() => Logger.overrideLogger(false));

  it('emits what the generator yields, and ends with it', async () => {
    async function* events(): AsyncGenerator<MessageEvent> {
      yield message('a');
      yield message('b');
    }
    const seen = await new Promise<MessageEvent[]>((resolve) => {
      paced(requestWith(new FakeResponse()), events).pipe(toArray()).subscribe(resolve);
    });
    expect(seen.map(({ id }) => id)).toEqual(['a', 'b']);
  });

  it('waits for a slow reader, and continues when it catches up', async () => {
    const response = new FakeResponse();
    const seen: string[] = [];
    async function* events(): AsyncGenerator<MessageEvent> {
      for (let i = 0; i < 5; i++) yield message(String(i));
    }
    response.writableLength = 1_000_000;
    let ended = false;
    paced(requestWith(response), events).subscribe({
      next: ({ id }) => seen.push(id ?? ''),
      complete: () => (ended = true),
    });
    await until(() => response.listenerCount('drain') === 1);
    for (let turn = 0; turn < 20; turn++) await new Promise((resolve) => setImmediate(resolve));
    expect(seen).toEqual(['0']);
    response.emit('drain');
    await until(() => seen.length === 2 && response.listenerCount('drain') === 1);
    response.writableLength = 0;
    response.emit('drain');
    await until(() => ended);
    expect(seen).toHaveLength(5);
    expect(response.listenerCount('drain')).toBe(0);
  });

  it('aborts the generator when the client disconnects, and cleans up', async () => {
    const cleaned = new Deferred<string>();
    async function* events(signal: AbortSignal): AsyncGenerator<MessageEvent> {
      try {
        yield message('a');
        await new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }));
      } finally {
        cleaned.resolve(signal.aborted ? 'told' : 'not told');
      }
    }
    const seen: unknown[] = [];
    const subscription = paced(requestWith(new FakeResponse()), events).subscribe((event) => seen.push(event));
    await until(() => seen.length === 1);
    subscription.unsubscribe();
    expect(await cleaned.promise).toBe('told');
  });

  it('ends when the key loses its access, without ending the lease', async () => {
    const cleaned = new Deferred();
    async function* events(signal: AbortSignal): AsyncGenerator<MessageEvent> {
      try {
        yield message('a');
        await new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }));
      } finally {
        cleaned.resolve();
      }
    }
    let lose: ((reason: Error) => void) | undefined;
    let streamEnds = 0;
    const request = Object.assign(requestWith(new FakeResponse()), {
      grant: {
        caller: { keyId: 'key_a', scopes: [], projects: null, rateLimitRps: null },
        lease: {
          watch: (onLost: (reason: Error) => void) => {
            lose = onLost;
            return () => (lose = undefined);
          },
          end: () => streamEnds++,
        },
      },
    });
    const seen: unknown[] = [];
    let ended = false;
    paced(request, events).subscribe({ next: (event) => seen.push(event), complete: () => (ended = true) });
    await until(() => seen.length === 1);
    lose!(new Error('revoked'));
    await cleaned.promise;
    expect([ended, lose, streamEnds]).toEqual([true, undefined, 0]);
    async function* short(): AsyncGenerator<MessageEvent> {
      yield message('a');
    }
    await new Promise<void>((resolve) => paced(request, short).subscribe({ complete: resolve }));
    expect([lose, streamEnds]).toEqual([undefined, 1]);
  });

  it('stops waiting for a reader that disconnects', async () => {
    const response = new FakeResponse();
    response.writableLength = 1_000_000;
    const cleaned = new Deferred();
    async function* events(): AsyncGenerator<MessageEvent> {
      try {
        for (;;) yield message('x');
      } finally {
        cleaned.resolve();
      }
    }
    const subscription = paced(requestWith(response), events).subscribe();
    await until(() => response.listenerCount('drain') === 1);
    subscription.unsubscribe();
    await cleaned.promise;
    expect(response.listenerCount('drain')).toBe(0);
    expect(response.destroyed).toBe(false);
  });

  it('disconnects a reader that reads nothing for a long time', async () => {
    jest.useFakeTimers({ doNotFake: ['setImmediate', 'nextTick', 'performance', 'queueMicrotask'] });
    try {
      const response = new FakeResponse();
      response.writableLength = 1_000_000;
      async function* events(): AsyncGenerator<MessageEvent> {
        for (;;) yield message('x');
      }
      const subscription = paced(requestWith(response), events).subscribe();
      while (response.listenerCount('drain') === 0) await new Promise((resolve) => setImmediate(resolve));
      await jest.advanceTimersByTimeAsync(29_000);
      expect(response.destroyed).toBe(false);
      await jest.advanceTimersByTimeAsync(2_000);
      expect(response.destroyed).toBe(true);
      subscription.unsubscribe();
    } finally {
      jest.useRealTimers();
    }
  });

  it('breaks the connection if the source fails, without an event named "error"', async () => {
    const response = new FakeResponse();
    async function* events(): AsyncGenerator<MessageEvent> {
      yield message('a');
      throw new Error('connect ECONNREFUSED 10.0.0.1');
    }
    const seen: unknown[] = [];
    const problem = await new Promise((resolve) => {
      paced(requestWith(response), events).subscribe({
        next: (event) => seen.push(event),
        error: resolve,
        complete: () => resolve(null),
      });
    });
    expect([problem, response.destroyed, seen.length]).toEqual([null, true, 1]);
  });
});
