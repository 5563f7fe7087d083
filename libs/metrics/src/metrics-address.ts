/** Where Prometheus finds the metrics; port 0: any that is free. */
export interface MetricsAddress {
  readonly host: string;
  readonly port: number;
}

export const MetricsAddress = Symbol('MetricsAddress');
