import type { FullEnvironment, OtlpProtocol, SamplerName } from './telemetry-environment.js';

/** What is exported by OpenTelemetry. The exporters read endpoints and headers from the environment. */
export interface OpenTelemetryConfig {
  readonly serviceName: string;
  /** Null: none. */
  readonly traces: {
    readonly protocol: OtlpProtocol;
    readonly sampler: SamplerName;
    readonly ratio: number;
    readonly delayMs: number;
    readonly queueMax: number;
  } | null;
  readonly metrics: { readonly protocol: OtlpProtocol; readonly intervalMs: number } | null;
}

/** Null: OpenTelemetry is off. */
export function openTelemetryOf(env: FullEnvironment): OpenTelemetryConfig | null {
  const { OTEL_EXPORTER_OTLP_ENDPOINT: any, OTEL_EXPORTER_OTLP_PROTOCOL: protocol } = env;
  const isExported = (exporter: 'otlp' | 'none' | undefined, endpoint: string | undefined): boolean =>
    env.OTEL_SDK_DISABLED === 'false' && (exporter ?? ((endpoint ?? any) ? 'otlp' : 'none')) === 'otlp';
  const hasTraces = isExported(env.OTEL_TRACES_EXPORTER, env.OTEL_EXPORTER_OTLP_TRACES_ENDPOINT);
  const hasMetrics = isExported(env.OTEL_METRICS_EXPORTER, env.OTEL_EXPORTER_OTLP_METRICS_ENDPOINT);
  if (!hasTraces && !hasMetrics) return null;
  const traces = {
    protocol: env.OTEL_EXPORTER_OTLP_TRACES_PROTOCOL ?? protocol,
    sampler: env.OTEL_TRACES_SAMPLER,
    ratio: env.OTEL_TRACES_SAMPLER_ARG,
    delayMs: env.OTEL_BSP_SCHEDULE_DELAY,
    queueMax: env.OTEL_BSP_MAX_QUEUE_SIZE,
  };
  const metrics = {
    protocol: env.OTEL_EXPORTER_OTLP_METRICS_PROTOCOL ?? protocol,
    intervalMs: env.OTEL_METRIC_EXPORT_INTERVAL,
  };
  return {
    serviceName: env.OTEL_SERVICE_NAME,
    traces: hasTraces ? traces : null,
    metrics: hasMetrics ? metrics : null,
  };
}
