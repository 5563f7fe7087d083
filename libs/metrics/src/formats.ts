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

/** @param accept the header, which may prefer one of the two or refuse it */
export function formatFor(accept = ''): Format {
  const open = weightOf('application/openmetrics-text', accept);
  return open > 0 && open >= weightOf('text/plain', accept) ? OPENMETRICS : PLAIN;
}

/** From 0 to 1; the highest if the type is listed more than once, as for several versions. @see RFC 9110, 12.5.1 */
function weightOf(type: string, accept: string): number {
  const weights = accept.split(',').map((range) => {
    const [name = '', ...parameters] = range.split(';').map((part) => part.trim().toLowerCase());
    const weight = parameters.find((parameter) => parameter.startsWith('q='))?.slice(2) ?? '1';
    return name === type ? Number(weight) || 0 : 0;
  });
  return Math.max(...weights);
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
