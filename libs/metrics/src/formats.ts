import { type Metric, Registry, type RegistryContentType, register } from 'prom-client';

// prom-client accepts exemplars only then. The formats are written from copies, as it would also rename the counters.
(register as Registry<RegistryContentType>).setContentType(Registry.OPENMETRICS_CONTENT_TYPE);

/** A format in which Prometheus reads metrics. */
export interface Format {
  readonly contentType: RegistryContentType;
  readonly write: () => Promise<string>;
}

/** @see https://prometheus.io/docs/instrumenting/exposition_formats/ */
const PLAIN: Format = formatOf(Registry.PROMETHEUS_CONTENT_TYPE, (name) => name);

/**
 * The only format with exemplars. The samples of a counter have the suffix, and its description has not.
 * @see https://github.com/prometheus/OpenMetrics/blob/main/specification/OpenMetrics.md
 */
const OPENMETRICS: Format = formatOf(Registry.OPENMETRICS_CONTENT_TYPE, (name) => name.replace(/_total$/, ''));

/** @param accept the header */
export function formatFor(accept = ''): Format {
  return accept.includes('application/openmetrics-text') ? OPENMETRICS : PLAIN;
}

function formatOf(contentType: RegistryContentType, counterName: (name: string) => string): Format {
  const write = async (): Promise<string> => {
    const copies = new Registry<RegistryContentType>();
    copies.setContentType(contentType);
    for (const metric of await register.getMetricsAsJSON()) {
      const isCounter = (metric.type as unknown) === 'counter';
      const name = isCounter ? counterName(metric.name) : metric.name;
      const copy = { ...metric, name, get: () => Promise.resolve({ ...metric, name }) };
      copies.registerMetric(copy as unknown as Metric);
    }
    return copies.metrics();
  };
  return { contentType, write };
}
