import { Counter, Gauge, Histogram, Registry } from 'prom-client';
import { PrometheusProducer } from './prometheus-producer.js';

describe('PrometheusProducer', () => {
  const registry = new Registry();
  const registers = [registry];
  const collect = async () => {
    const { resourceMetrics } = await new PrometheusProducer(() => registry.getMetricsAsJSON()).collect();
    return resourceMetrics.scopeMetrics[0]!.metrics;
  };
  afterEach(() => {
    registry.clear();
  });

  it('exports counters as monotonic sums, and gauges', async () => {
    new Counter({ name: 'things_total', help: 'Things', labelNames: ['kind'], registers }).inc({ kind: 'a' }, 3);
    new Gauge({ name: 'size_bytes', help: 'Size', registers }).set(7);
    const [sum, gauge] = await collect();
    expect(sum).toMatchObject({
      descriptor: { name: 'things_total', description: 'Things', unit: '' },
      dataPointType: 3,
      isMonotonic: true,
      aggregationTemporality: 1,
      dataPoints: [{ attributes: { kind: 'a' }, value: 3 }],
    });
    expect(gauge).toMatchObject({
      descriptor: { name: 'size_bytes', unit: 'By' },
      dataPointType: 2,
      dataPoints: [{ attributes: {}, value: 7 }],
    });
    const { startTime, endTime } = sum!.dataPoints[0]!;
    expect(startTime[0]).toBeLessThanOrEqual(endTime[0]);
    expect(startTime[0]).toBeGreaterThan(Date.UTC(2020) / 1_000);
  });

  it('exports histograms per set of labels, with counts that are not cumulative', async () => {
    const histogram = new Histogram({
      name: 'took_seconds',
      help: 'Took',
      labelNames: ['by'],
      buckets: [1, 2],
      registers,
    });
    for (const value of [0.5, 1.5, 1.7, 9]) histogram.observe({ by: 'a' }, value);
    histogram.observe({ by: 'b' }, 2);
    const [metric] = await collect();
    expect(metric).toMatchObject({ descriptor: { name: 'took_seconds', unit: 's' }, dataPointType: 0 });
    expect(metric!.dataPoints.map(({ attributes, value }) => ({ attributes, value }))).toEqual([
      { attributes: { by: 'a' }, value: { buckets: { boundaries: [1, 2], counts: [1, 2, 1] }, sum: 12.7, count: 4 } },
      { attributes: { by: 'b' }, value: { buckets: { boundaries: [1, 2], counts: [0, 1, 0] }, sum: 2, count: 1 } },
    ]);
  });
});
