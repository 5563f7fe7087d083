import { createHash } from 'node:crypto';
import { type TraceContext, formatTraceparent, parseTraceparent } from '@app/kernel';
import {
  type Attributes,
  type Context,
  ROOT_CONTEXT,
  type Span,
  type SpanContext,
  SpanKind,
  SpanStatusCode,
  TraceFlags,
  type Tracer,
  context,
  trace,
} from '@opentelemetry/api';

/** What an SDK provides. */
export interface Tracing {
  readonly tracer: Tracer;
  /** The next span gets that id. */
  readonly nextSpanId: (id: string) => void;
}

/** Spans below one: a request that reads a large output calls the database thousands of times. */
const CHILDREN_MAX = 100;
const children = new WeakMap<Span, number>();

/** Null: tracing is off, and everything here costs a comparison. */
let tracing: Tracing | null = null;

/** Starts tracing; null ends it. */
export function setTracing(given: Tracing | null): void {
  tracing = given;
}

export function isTracing(): boolean {
  return tracing !== null;
}

/** The trace context that is active; null: none is. */
export function currentTraceparent(): string | null {
  const active = tracing === null ? undefined : trace.getSpanContext(context.active());
  return active === undefined ? null : formatTraceparent(toTraceContext(active));
}

/** The trace of a trace context, if it is recorded here, for a link from a metric to it. */
export function recordedTraceId(traceparent: string | null): string | null {
  const parent = tracing === null ? null : parseTraceparent(traceparent);
  return parent !== null && isSampled(toSpanContext(parent).traceFlags) ? parent.traceId : null;
}

/**
 * Does work as a span of the trace that is active; without one, or if that is not sampled, without a span.
 * @throws what the work throws, of which the span records the type only: messages can contain input of clients
 */
export function traced<T>(name: string, attributes: Attributes, work: (span?: Span) => Promise<T>): Promise<T> {
  if (tracing === null || !hasRoom(trace.getSpan(context.active()))) return work();
  return inSpan(tracing.tracer.startSpan(name, { kind: SpanKind.CLIENT, attributes }), work);
}

/** The same as a child of a trace context that was kept. */
export function tracedBelow<T>(
  parent: string | null,
  name: string,
  attributes: Attributes,
  work: (span?: Span) => Promise<T>,
): Promise<T> {
  return inTrace(parent, () => traced(name, attributes, work));
}

/** Does work in a trace context that was kept; null: in none. */
export function inTrace<T>(traceparent: string | null, work: () => T): T {
  return tracing === null ? work() : context.with(contextOf(parseTraceparent(traceparent)), work);
}

/** Does work that would have too many spans, such as following an output, without any. */
export function untraced<T>(work: () => T): T {
  return inTrace(null, work);
}

/** Starts the span of a request to this process; null while tracing is off. @param parent of the client, if it sent one */
export function startServerSpan(parent: TraceContext | null, name: string): Span | null {
  return tracing?.tracer.startSpan(name, { kind: SpanKind.SERVER }, contextOf(parent)) ?? null;
}

/** Does work in the span. */
export function withSpan<T>(span: Span, work: () => T): T {
  return context.with(trace.setSpan(context.active(), span), work);
}

export function traceContextOf(span: Span): TraceContext {
  return toTraceContext(span.spanContext());
}

/**
 * The trace context in which an object works that has a span of its own, which is recorded at its end, perhaps by
 * another replica: so the id of the span follows from that of the object. Unchanged while tracing is off.
 */
export function contextOfObject(traceparent: string | null, id: string): string | null {
  const parent = tracing === null ? null : parseTraceparent(traceparent);
  return parent === null ? traceparent : formatTraceparent({ ...parent, spanId: spanIdOf(id) });
}

/** A span that has ended. */
export interface PastSpan {
  readonly name: string;
  readonly attributes?: Attributes;
  /** Whether it is linked to its parent too, since it outlives it. */
  readonly isLinked?: boolean;
  readonly from: Date;
  readonly to: Date;
  readonly events?: readonly { readonly name: string; readonly at: Date }[];
  /** Why it failed; null: it did not. */
  readonly failure?: string | null;
}

/** Records the span of an object. @param traceparent of what it is a part of @param id of the object */
export function recordObject(traceparent: string | null, id: string, span: PastSpan): void {
  const parent = parseTraceparent(traceparent);
  if (tracing === null || parent === null) return;
  tracing.nextSpanId(spanIdOf(id));
  record(tracing.tracer, parent, span);
}

/** Records a span below the given trace context. */
export function recordSpan(traceparent: string | null, span: PastSpan): void {
  const parent = parseTraceparent(traceparent);
  if (tracing !== null && parent !== null) record(tracing.tracer, parent, span);
}

function record(tracer: Tracer, parent: TraceContext, past: PastSpan): void {
  const { name, from, to, attributes = {}, isLinked = false, events, failure } = past;
  const links = isLinked ? [{ context: toSpanContext(parent) }] : [];
  const span = tracer.startSpan(name, { attributes, links, startTime: from }, contextOf(parent));
  for (const event of events ?? []) span.addEvent(event.name, event.at);
  if (failure) span.setStatus({ code: SpanStatusCode.ERROR, message: failure });
  span.end(to);
}

async function inSpan<T>(span: Span, work: (span: Span) => Promise<T>): Promise<T> {
  try {
    return await withSpan(span, () => work(span));
  } catch (error) {
    span.setAttribute('error.type', errorType(error)).setStatus({ code: SpanStatusCode.ERROR });
    throw error;
  } finally {
    span.end();
  }
}

function errorType(error: unknown): string {
  if (!(error instanceof Error)) return typeof error;
  const { code } = error as { code?: unknown };
  return typeof code === 'string' ? code : error.name;
}

function spanIdOf(id: string): string {
  return createHash('sha256').update(id).digest('hex').slice(0, 16);
}

function contextOf(parent: TraceContext | null): Context {
  return parent === null ? ROOT_CONTEXT : trace.setSpanContext(ROOT_CONTEXT, toSpanContext(parent));
}

function toSpanContext({ traceId, spanId, traceFlags }: TraceContext): SpanContext {
  return { traceId, spanId, traceFlags: Number.parseInt(traceFlags, 16), isRemote: true };
}

function toTraceContext({ traceId, spanId, traceFlags }: SpanContext): TraceContext {
  return { traceId, spanId, traceFlags: traceFlags.toString(16).padStart(2, '0') };
}

/** Whether a span is sampled and may have one more child; counts it. */
function hasRoom(parent: Span | undefined): boolean {
  if (parent === undefined || !isSampled(parent.spanContext().traceFlags) || hasEnded(parent)) return false;
  const count = children.get(parent) ?? 0;
  children.set(parent, count + 1);
  return count < CHILDREN_MAX;
}

/** What a timer does that a request has set is no part of the request after its end. */
function hasEnded(span: Span): boolean {
  return !span.isRecording() && span.spanContext().isRemote !== true;
}

function isSampled(flags: number): boolean {
  return (flags & TraceFlags.SAMPLED) !== 0;
}
