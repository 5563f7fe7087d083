import { type Server, createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { REQUEST_LIMITS } from '@app/http';
import { Injectable, Inject, Logger, type OnApplicationBootstrap, type OnApplicationShutdown } from '@nestjs/common';
import { type MetricObjectWithValues, type MetricValue, register } from 'prom-client';
import { BeforeScrape } from './before-scrape.js';
import { MetricsAddress } from './metrics-address.js';
import { type Format, formatFor } from './formats.js';

/** Serves /metrics on a separate port, so that an ingress does not expose it by accident. */
@Injectable()
export class MetricsServer implements OnApplicationBootstrap, OnApplicationShutdown {
  private readonly logger = new Logger(MetricsServer.name);
  private readonly server: Server = createServer(REQUEST_LIMITS, (request, response) => {
    response.setHeader('cache-control', 'no-store');
    if (request.method !== 'GET' || request.url?.split('?', 1)[0] !== '/metrics') {
      response.writeHead(404).end();
      return;
    }
    const format = formatFor(request.headers.accept);
    this.scrape(format).then(
      (text) => response.setHeader('content-type', format.contentType).end(text),
      (error: unknown) => {
        this.logger.error({ err: error }, 'The metrics could not be written');
        response.writeHead(500).end();
      },
    );
  });

  constructor(
    @Inject(MetricsAddress) private readonly address: MetricsAddress,
    private readonly beforeScrape: BeforeScrape,
  ) {}

  async onApplicationBootstrap(): Promise<void> {
    const { host, port } = this.address;
    await new Promise<void>((resolve, reject) => {
      this.server.once('error', reject).listen(port, host, resolve);
    });
    this.logger.log({ port: (this.server.address() as AddressInfo).port }, 'Metrics are served');
  }

  onApplicationShutdown(): void {
    this.server.close();
    this.server.closeAllConnections();
  }

  /** The metrics as objects. */
  async read(): Promise<MetricObjectWithValues<MetricValue<string>>[]> {
    await this.beforeScrape.run();
    return register.getMetricsAsJSON();
  }

  private async scrape(format: Format): Promise<string> {
    await this.beforeScrape.run();
    return format.write();
  }
}
