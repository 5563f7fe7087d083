import { openEventStreams, requestTraceId, routeTemplate } from '@app/http';
import { Injectable, type OnModuleInit } from '@nestjs/common';
import {
  InjectMetric,
  makeCounterProvider,
  makeGaugeProvider,
  makeHistogramProvider,
} from '@willsoto/nestjs-prometheus';
import type { NextFunction, Request, Response } from 'express';
import type { Counter, Gauge, Histogram } from 'prom-client';
import { BeforeScrape } from './before-scrape.js';
import { exemplarOf } from './exemplar.js';

const [TOTAL, DURATION] = ['http_requests_total', 'http_request_duration_seconds'] as const;
const STREAMS = 'rdev_sse_connections_active';
const LABELS = ['method', 'route', 'status'];

/** A client can send any word as a method, so others count as `other`. */
const METHODS = new Set(['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS']);

export const httpMetrics = [
  makeCounterProvider({ name: TOTAL, help: 'Requests by route template', labelNames: LABELS }),
  makeHistogramProvider({
    name: DURATION,
    help: 'Duration of requests, without event streams',
    labelNames: LABELS,
    enableExemplars: true,
    buckets: [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 60],
  }),
  makeGaugeProvider({ name: STREAMS, help: 'Open event streams' }),
];

/** Counts requests, including those that no route or guard accepts. */
@Injectable()
export class HttpMetrics implements OnModuleInit {
  constructor(
    @InjectMetric(TOTAL) private readonly total: Counter,
    @InjectMetric(DURATION) private readonly duration: Histogram,
    @InjectMetric(STREAMS) private readonly streams: Gauge,
    private readonly beforeScrape: BeforeScrape,
  ) {}

  onModuleInit(): void {
    this.beforeScrape.add(() => {
      this.streams.set(openEventStreams());
    });
  }

  /** Must be the first middleware. */
  readonly middleware = (request: Request, response: Response, next: NextFunction): void => {
    const since = performance.now();
    response.once('close', () => {
      const labels = {
        method: METHODS.has(request.method) ? request.method : 'other',
        route: routeTemplate(request) ?? 'none',
        status: response.statusCode,
      };
      this.total.inc(labels);
      const isStream = String(response.getHeader('content-type')).startsWith('text/event-stream');
      if (isStream) return;
      const value = (performance.now() - since) / 1000;
      this.duration.observe({ labels, value, exemplarLabels: exemplarOf(requestTraceId(response)) });
    });
    next();
  };
}
