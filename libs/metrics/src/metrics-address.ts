/** Address of the metrics for Prometheus; port 0: any free one. */
export interface MetricsAddress {
  readonly host: string;
  readonly port: number;
}

export const MetricsAddress = Symbol('MetricsAddress');
