import { type IncomingMessage, type Server, createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { buffer, text } from 'node:stream/consumers';
import { METRICS_REQUEST, TRACES_REQUEST, decode } from './protobuf.js';

type Value = Readonly<Record<string, string | number | boolean>>;
interface KeyValue {
  readonly key: string;
  readonly value: Value;
}

/** A span as OTLP/JSON has it. @see https://github.com/open-telemetry/opentelemetry-proto, trace.proto */
interface OtlpSpan {
  readonly traceId: string;
  readonly spanId: string;
  readonly parentSpanId?: string;
  readonly name: string;
  readonly kind: number;
  readonly startTimeUnixNano: string;
  readonly endTimeUnixNano: string;
  readonly attributes?: readonly KeyValue[];
  readonly events?: readonly { readonly name: string }[];
  readonly links?: readonly { readonly traceId: string; readonly spanId: string }[];
  readonly status?: { readonly code?: number };
}

export interface ReceivedSpan {
  readonly traceId: string;
  readonly id: string;
  readonly parentId: string;
  readonly name: string;
  readonly kind: number;
  readonly fromMs: number;
  readonly toMs: number;
  readonly attributes: Readonly<Record<string, string>>;
  readonly events: readonly string[];
  readonly linkedTo: readonly string[];
  readonly hasFailed: boolean;
  readonly resource: Readonly<Record<string, string>>;
}

/** An OTLP receiver over HTTP, for JSON and protobuf, that keeps what it gets. */
export class OtlpReceiver {
  readonly spans: ReceivedSpan[] = [];
  /** Names of the metrics of the last export. */
  metrics: readonly string[] = [];
  readonly contentTypes = new Set<string>();
  /** All that was received, as text. */
  raw = '';

  private constructor(
    private readonly server: Server,
    readonly url: string,
  ) {}

  static async start(): Promise<OtlpReceiver> {
    const server = createServer((request, response) => {
      receiver.take(request).then(
        () => response.end(),
        (error: unknown) => response.writeHead(400).end(String(error)),
      );
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const receiver = new OtlpReceiver(server, `http://127.0.0.1:${(server.address() as AddressInfo).port}`);
    return receiver;
  }

  /** The environment of an API that exports to it, soon. */
  env(protocol = 'http/protobuf'): Record<string, string> {
    return {
      OTEL_EXPORTER_OTLP_ENDPOINT: this.url,
      OTEL_EXPORTER_OTLP_PROTOCOL: protocol,
      OTEL_BSP_SCHEDULE_DELAY: '100',
      OTEL_METRIC_EXPORT_INTERVAL: '500',
    };
  }

  of(traceId: string): readonly ReceivedSpan[] {
    return this.spans.filter((span) => span.traceId === traceId);
  }

  stop(): void {
    this.server.close();
    this.server.closeAllConnections();
  }

  private async take(request: IncomingMessage): Promise<void> {
    const type = request.headers['content-type'] ?? '';
    this.contentTypes.add(type);
    const isTraces = request.url === '/v1/traces';
    const body =
      type === 'application/json'
        ? JSON.parse(await text(request))
        : decode(await buffer(request), isTraces ? TRACES_REQUEST : METRICS_REQUEST);
    this.raw += JSON.stringify(body);
    for (const { resource, scopeSpans } of body.resourceSpans ?? [])
      for (const { spans } of scopeSpans) this.spans.push(...spans.map((span: OtlpSpan) => toReceived(span, resource)));
    const metrics = (body.resourceMetrics ?? []).flatMap((one: any) => one.scopeMetrics.flatMap((s: any) => s.metrics));
    if (!isTraces) this.metrics = metrics.map(({ name }: { name: string }) => name);
  }
}

function toReceived(span: OtlpSpan, resource: { attributes: readonly KeyValue[] }): ReceivedSpan {
  return {
    traceId: span.traceId,
    id: span.spanId,
    parentId: span.parentSpanId ?? '',
    name: span.name,
    kind: span.kind,
    fromMs: Number(BigInt(span.startTimeUnixNano) / 1_000_000n),
    toMs: Number(BigInt(span.endTimeUnixNano) / 1_000_000n),
    attributes: toRecord(span.attributes ?? []),
    events: (span.events ?? []).map(({ name }) => name),
    linkedTo: (span.links ?? []).map(({ spanId }) => spanId),
    hasFailed: span.status?.code === 2,
    resource: toRecord(resource.attributes),
  };
}

function toRecord(pairs: readonly KeyValue[]): Record<string, string> {
  return Object.fromEntries(pairs.map(({ key, value }) => [key, String(Object.values(value)[0])]));
}
