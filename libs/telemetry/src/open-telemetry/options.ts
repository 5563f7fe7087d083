import type { MetricObject } from './prometheus-producer.js';

export interface OpenTelemetryOptions {
  readonly version: string;
  /** The metrics of the process, in the format of prom-client. */
  readonly readMetrics: () => Promise<readonly MetricObject[]>;
}

export interface OpenTelemetry {
  /** Exports what is left, for a few seconds at most. @param patienceMs less, if the process has less */
  stop(patienceMs: number): Promise<void>;
}
