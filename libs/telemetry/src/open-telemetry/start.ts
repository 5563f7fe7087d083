import { AsyncLocalStorage } from 'node:async_hooks';
import { randomBytes, randomUUID } from 'node:crypto';
import { hostname } from 'node:os';
import type { OpenTelemetryConfig } from '@app/config';
import { LogThrottle } from '@app/kernel';
import { setTracing } from '@app/tracing';
import { Logger } from '@nestjs/common';
import { context } from '@opentelemetry/api';
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks';
import { setGlobalErrorHandler } from '@opentelemetry/core';
import { OTLPMetricExporter as JsonMetricExporter } from '@opentelemetry/exporter-metrics-otlp-http';
import { OTLPMetricExporter as ProtobufMetricExporter } from '@opentelemetry/exporter-metrics-otlp-proto';
import { OTLPTraceExporter as JsonTraceExporter } from '@opentelemetry/exporter-trace-otlp-http';
import { OTLPTraceExporter as ProtobufTraceExporter } from '@opentelemetry/exporter-trace-otlp-proto';
import {
  type Resource,
  detectResources,
  resourceAttributesEnvDetector,
  resourceFromAttributes,
  serviceNameEnvDetector,
} from '@opentelemetry/resources';
import { MeterProvider, PeriodicExportingMetricReader } from '@opentelemetry/sdk-metrics';
import {
  AlwaysOffSampler,
  AlwaysOnSampler,
  BatchSpanProcessor,
  ParentBasedSampler,
  type Sampler,
  TraceIdRatioBasedSampler,
  TracerProvider,
} from '@opentelemetry/sdk-trace';
import { PrometheusProducer } from './prometheus-producer.js';
import type { OpenTelemetry, OpenTelemetryOptions } from './options.js';

/** What is not exported within this time is dropped at the end of the process. */
const STOP_MS = 3_000;
const FAILURE_EVERY_MS = 60_000;

/** Starts the SDK of OpenTelemetry. */
export function start(config: OpenTelemetryConfig, options: OpenTelemetryOptions): OpenTelemetry {
  reportFailures(new Logger('OpenTelemetry'));
  const resource = resourceOf(config.serviceName, options.version);
  const providers = [
    ...(config.traces === null ? [] : [startTraces(config.traces, resource)]),
    ...(config.metrics === null ? [] : [startMetrics(config.metrics, resource, options)]),
  ];
  return {
    async stop(patienceMs) {
      setTracing(null);
      const ends = Promise.all(providers.map((provider) => provider.shutdown())).catch(() => undefined);
      const ms = Math.max(0, Math.min(STOP_MS, patienceMs));
      await Promise.race([ends, new Promise((resolve) => setTimeout(resolve, ms).unref())]);
      context.disable();
    },
  };
}

/** The variables OTEL_RESOURCE_ATTRIBUTES and OTEL_SERVICE_NAME take precedence. */
function resourceOf(serviceName: string, version: string): Resource {
  const own = { 'service.name': serviceName, 'service.version': version, 'host.name': hostname() };
  return resourceFromAttributes({ ...own, 'service.instance.id': randomUUID() }).merge(
    detectResources({ detectors: [serviceNameEnvDetector, resourceAttributesEnvDetector] }),
  );
}

function startTraces(config: NonNullable<OpenTelemetryConfig['traces']>, resource: Resource): TracerProvider {
  const ids = new PresetIds();
  const exporter = config.protocol === 'http/json' ? new JsonTraceExporter() : new ProtobufTraceExporter();
  const provider = new TracerProvider({
    resource,
    sampler: samplerOf(config),
    idGenerator: ids,
    spanProcessors: [
      new BatchSpanProcessor({ exporter, scheduledDelayMillis: config.delayMs, maxQueueSize: config.queueMax }),
    ],
  });
  context.setGlobalContextManager(new AsyncLocalStorageContextManager());
  setTracing({
    tracer: provider.getTracer('rdev'),
    nextSpanId: (id) => {
      ids.next = id;
    },
  });
  return provider;
}

function samplerOf({ sampler, ratio }: NonNullable<OpenTelemetryConfig['traces']>): Sampler {
  const name = sampler.replace(/^parentbased_/, '');
  const root =
    name === 'always_off'
      ? new AlwaysOffSampler()
      : name === 'traceidratio'
        ? new TraceIdRatioBasedSampler(ratio)
        : new AlwaysOnSampler();
  return sampler === name ? root : new ParentBasedSampler({ root });
}

function startMetrics(
  { protocol, intervalMs }: NonNullable<OpenTelemetryConfig['metrics']>,
  resource: Resource,
  { readMetrics }: OpenTelemetryOptions,
): MeterProvider {
  const reader = new PeriodicExportingMetricReader({
    exporter: protocol === 'http/json' ? new JsonMetricExporter() : new ProtobufMetricExporter(),
    exportIntervalMillis: intervalMs,
    exportTimeoutMillis: Math.min(intervalMs, 30_000),
    metricProducers: [new PrometheusProducer(readMetrics)],
  });
  return new MeterProvider({ resource, readers: [reader] });
}

/** Failed exports; the collector being unavailable is no reason to flood the log. */
function reportFailures(logger: Logger): void {
  const throttle = new LogThrottle(FAILURE_EVERY_MS);
  // The timer of an export is set by some request, whose id and trace must not be in the line.
  const outside = AsyncLocalStorage.snapshot();
  setGlobalErrorHandler((error) => {
    const err = error instanceof Error ? error : new Error('The export failed.', { cause: error });
    const alike = throttle.admit(err.name);
    const fields = { err, ...(alike !== null && alike > 0 && { alike }) };
    if (alike !== null) outside(() => logger.warn(fields, 'Traces or metrics could not be exported'));
  });
}

/** Random ids, as W3C Trace Context requires, except for spans whose ids follow from those of their objects. */
class PresetIds {
  next: string | null = null;

  generateTraceId(): string {
    return randomBytes(16).toString('hex');
  }

  generateSpanId(): string {
    const id = this.next ?? randomBytes(8).toString('hex');
    this.next = null;
    return id;
  }
}
