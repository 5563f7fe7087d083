import { type Attributes, type HrTime, ValueType } from '@opentelemetry/api';
import { hrTime, millisToHrTime } from '@opentelemetry/core';
import { emptyResource } from '@opentelemetry/resources';
import {
  AggregationTemporality,
  type CollectionResult,
  DataPointType,
  type Histogram,
  type MetricData,
  type MetricProducer,
} from '@opentelemetry/sdk-metrics';

/** A metric as prom-client's `getMetricsAsJSON` returns it. */
export interface MetricObject {
  readonly name: string;
  readonly help: string;
  readonly type: unknown;
  readonly values: readonly MetricValue[];
}

interface MetricValue {
  readonly value: number;
  readonly labels: Readonly<Record<string, string | number | undefined>>;
  /** Of histograms: with the suffix of what it is. */
  readonly metricName?: string;
}

/**
 * Exports the metrics of prom-client under their names, so that both exports agree.
 * @see https://opentelemetry.io/docs/specs/otel/compatibility/prometheus_and_openmetrics/
 */
export class PrometheusProducer implements MetricProducer {
  private readonly startTime = hrTime(-performance.now());

  constructor(private readonly read: () => Promise<readonly MetricObject[]>) {}

  async collect(): Promise<CollectionResult> {
    const objects = await this.read();
    const endTime = millisToHrTime(Date.now());
    const metrics = objects.flatMap((object) => toMetricData(object, { startTime: this.startTime, endTime }));
    const scopeMetrics = [{ scope: { name: 'rdev' }, metrics }];
    return { resourceMetrics: { resource: emptyResource(), scopeMetrics }, errors: [] };
  }
}

interface Period {
  readonly startTime: HrTime;
  readonly endTime: HrTime;
}

function toMetricData({ name, help, type, values }: MetricObject, period: Period): MetricData[] {
  const common = {
    descriptor: { name, description: help, unit: unitOf(name), valueType: ValueType.DOUBLE },
    aggregationTemporality: AggregationTemporality.CUMULATIVE,
  };
  const points = (): { startTime: HrTime; endTime: HrTime; attributes: Attributes; value: number }[] =>
    values.map(({ labels, value }) => ({ ...period, attributes: attributesOf(labels), value }));
  switch (type) {
    case 'counter':
      return [{ ...common, dataPointType: DataPointType.SUM, isMonotonic: true, dataPoints: points() }];
    case 'gauge':
      return [{ ...common, dataPointType: DataPointType.GAUGE, dataPoints: points() }];
    case 'histogram':
      return [
        {
          ...common,
          dataPointType: DataPointType.HISTOGRAM,
          dataPoints: histograms(name, values).map(({ attributes, value }) => ({ ...period, attributes, value })),
        },
      ];
    default:
      // OTLP has no summaries of an SDK, and rdev has none.
      return [];
  }
}

/** @see https://prometheus.io/docs/practices/naming/ */
function unitOf(name: string): string {
  if (/_seconds(_total)?$/.test(name)) return 's';
  return /_bytes(_total)?$/.test(name) ? 'By' : '';
}

interface Parts {
  readonly attributes: Attributes;
  readonly bounds: number[];
  /** Cumulative, as Prometheus counts. */
  readonly counts: number[];
  sum: number;
  count: number;
}

function histograms(name: string, values: readonly MetricValue[]): { attributes: Attributes; value: Histogram }[] {
  const series = new Map<string, Parts>();
  for (const { value, labels: all, metricName } of values) {
    const { le, ...labels } = all;
    const attributes = attributesOf(labels);
    const key = JSON.stringify(Object.entries(attributes).sort());
    const parts = series.get(key) ?? { attributes, bounds: [], counts: [], sum: 0, count: 0 };
    series.set(key, parts);
    if (metricName === `${name}_sum`) parts.sum = value;
    else if (metricName === `${name}_count`) parts.count = value;
    else if (le !== '+Inf') {
      parts.bounds.push(Number(le));
      parts.counts.push(value);
    }
  }
  return Array.from(series.values(), ({ attributes, bounds, counts, sum, count }) => {
    const upTo = [...counts, count];
    const each = upTo.map((total, i) => total - (upTo[i - 1] ?? 0));
    return { attributes, value: { buckets: { boundaries: bounds, counts: each }, sum, count } };
  });
}

function attributesOf(labels: MetricValue['labels']): Attributes {
  return Object.fromEntries(
    Object.entries(labels).flatMap(([name, value]) => (value === undefined ? [] : [[name, value]])),
  );
}
