import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks';
import { context } from '@opentelemetry/api';
import {
  AlwaysOnSampler,
  InMemorySpanExporter,
  ParentBasedSampler,
  SimpleSpanProcessor,
  TracerProvider,
} from '@opentelemetry/sdk-trace';
import {
  contextOfObject,
  currentTraceparent,
  inTrace,
  recordObject,
  recordedTraceId,
  setTracing,
  startServerSpan,
  traceContextOf,
  traced,
  tracedBelow,
  untraced,
  withSpan,
} from './tracing.js';

const TRACE = '4bf92f3577b34da6a3ce929d0e0e4736';
const PARENT = `00-${TRACE}-00f067aa0ba902b7-01`;
const UNSAMPLED = PARENT.replace(/1$/, '0');

describe('tracing', () => {
  const work = () => Promise.resolve(currentTraceparent());

  describe('while it is off', () => {
    it('passes everything on as it is', async () => {
      expect(contextOfObject(PARENT, 'cmd_1')).toBe(PARENT);
      expect(await traced('a', {}, (span) => Promise.resolve(span))).toBeUndefined();
      expect(await tracedBelow(PARENT, 'a', {}, work)).toBeNull();
      expect(startServerSpan(null, 'GET')).toBeNull();
      expect(recordedTraceId(PARENT)).toBeNull();
      expect(inTrace(PARENT, () => 1)).toBe(1);
    });
  });

  describe('while it is on', () => {
    const exporter = new InMemorySpanExporter();
    let nextId: string | null = null;
    const idGenerator = {
      generateTraceId: () => TRACE,
      generateSpanId: () => {
        const id = nextId ?? Math.random().toString(16).slice(2, 18).padEnd(16, '0');
        nextId = null;
        return id;
      },
    };
    const spans = () => exporter.getFinishedSpans();
    beforeAll(() => {
      context.setGlobalContextManager(new AsyncLocalStorageContextManager());
      const sampler = new ParentBasedSampler({ root: new AlwaysOnSampler() });
      const provider = new TracerProvider({
        sampler,
        idGenerator,
        spanProcessors: [new SimpleSpanProcessor({ exporter })],
      });
      setTracing({
        tracer: provider.getTracer('test'),
        nextSpanId: (id) => {
          nextId = id;
        },
      });
    });
    beforeEach(() => {
      exporter.reset();
    });
    afterAll(() => {
      setTracing(null);
      context.disable();
    });

    it('makes spans below the active one only', async () => {
      await traced('alone', {}, work);
      expect(spans()).toEqual([]);
      const span = startServerSpan(null, 'GET')!;
      const inside = await withSpan(span, () => traced('query', { a: 1 }, () => traced('deeper', {}, work)));
      span.end();
      expect(inside).toContain(TRACE);
      const [deeper, query, get] = spans();
      expect([deeper?.name, query?.name, get?.name]).toEqual(['deeper', 'query', 'GET']);
      expect(deeper?.parentSpanContext?.spanId).toBe(query?.spanContext().spanId);
      expect(query?.parentSpanContext?.spanId).toBe(get?.spanContext().spanId);
    });

    it('makes none below a span that has ended, as for a timer that a request has set', async () => {
      const span = startServerSpan(null, 'GET')!;
      await withSpan(span, async () => {
        span.end();
        await traced('query', {}, work);
      });
      expect(spans().map(({ name }) => name)).toEqual(['GET']);
    });

    it('records no message of an error, which can contain input', async () => {
      const fail = () => Promise.reject(Object.assign(new Error('secret'), { code: '22P02' }));
      await expect(tracedBelow(PARENT, 'query', {}, fail)).rejects.toThrow('secret');
      expect(spans()[0]).toMatchObject({ attributes: { 'error.type': '22P02' }, status: { code: 2 }, events: [] });
      expect(JSON.stringify([spans()[0]!.attributes, spans()[0]!.status])).not.toContain('secret');
    });

    it('makes none in a trace that is not sampled, and keeps its flags', async () => {
      expect(await tracedBelow(UNSAMPLED, 'query', {}, work)).toBe(UNSAMPLED);
      recordObject(UNSAMPLED, 'cmd_1', { name: 'command', from: new Date(0), to: new Date(1) });
      expect(spans()).toEqual([]);
      expect(recordedTraceId(UNSAMPLED)).toBeNull();
      expect(recordedTraceId(PARENT)).toBe(TRACE);
    });

    it('gives the span of an object the same id everywhere', async () => {
      const below = contextOfObject(PARENT, 'cmd_1');
      expect(contextOfObject(PARENT, 'cmd_2')).not.toBe(below);
      await tracedBelow(below, 'start', {}, work);
      recordObject(PARENT, 'cmd_1', { name: 'command', from: new Date(5), to: new Date(9), isLinked: true });
      const [start, command] = spans();
      expect(start!.parentSpanContext).toMatchObject({ traceId: TRACE, spanId: command!.spanContext().spanId });
      expect(below).toContain(command!.spanContext().spanId);
      expect(command!.parentSpanContext?.spanId).toBe('00f067aa0ba902b7');
      expect(command!.links).toMatchObject([{ context: { spanId: '00f067aa0ba902b7' } }]);
      expect([command!.startTime, command!.endTime]).toEqual([
        [0, 5e6],
        [0, 9e6],
      ]);
    });

    it('makes a limited number of children, and none of what is not to be traced', async () => {
      await inTrace(PARENT, async () => {
        await untraced(() => traced('none', {}, work));
        for (let i = 0; i < 150; i++) await traced('query', {}, work);
      });
      expect(spans()).toHaveLength(100);
      expect(spans().some(({ name }) => name === 'none')).toBe(false);
    });

    it('hands on the context of a span', () => {
      const span = startServerSpan({ traceId: TRACE, spanId: '00f067aa0ba902b7', traceFlags: '01' }, 'GET')!;
      expect(traceContextOf(span)).toEqual({ traceId: TRACE, spanId: span.spanContext().spanId, traceFlags: '01' });
      span.end();
      expect(spans()[0]!.parentSpanContext?.spanId).toBe('00f067aa0ba902b7');
    });
  });
});
