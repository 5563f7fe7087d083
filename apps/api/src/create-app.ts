import { networkInterfaces } from 'node:os';
import type { CommandPolicy } from '@app/policy';
import type { Config } from '@app/config';
import { HttpServerAdapter, clientAddress, noStore, proxyWarnings, requestContext, unambiguous } from '@app/http';
import { HttpMetrics } from '@app/metrics';
import { RequestLog } from '@app/telemetry';
import type { CorsOptions } from '@nestjs/common/interfaces/external/cors-options.interface.js';
import { NestFactory } from '@nestjs/core';
import type { NestExpressApplication } from '@nestjs/platform-express';
import helmet from 'helmet';
import { Logger } from 'nestjs-pino';
import { AppModule } from './app.module.js';
import { serveOpenApi } from './openapi.js';

/** The application, ready to listen. */
export async function createApp(
  config: Config,
  databaseUrl: string,
  policy: CommandPolicy,
): Promise<NestExpressApplication> {
  const adapter = new HttpServerAdapter();
  const app = await NestFactory.create<NestExpressApplication>(AppModule.with(config, databaseUrl, policy), adapter, {
    bodyParser: false,
    bufferLogs: true,
    abortOnError: false,
  });
  app.useLogger(app.get(Logger));
  app.flushLogs();
  setUpHttp(app, config);
  serveOpenApi(app);
  for (const warning of proxyWarnings(config.http.trustProxy, ownAddresses())) app.get(Logger).warn(warning);
  return app;
}

function setUpHttp(app: NestExpressApplication, config: Config): void {
  app.disable('x-powered-by');
  app.set('etag', false);
  app.set('query parser', 'simple');
  app.use(noStore);
  app.use(app.get(HttpMetrics).middleware);
  app.use(clientAddress(config.http.trustProxy));
  app.use(requestContext);
  app.use(app.get(RequestLog).middleware);
  app.use(
    helmet({
      contentSecurityPolicy: { directives: { 'upgrade-insecure-requests': null } },
      strictTransportSecurity: false,
    }),
  );
  if (config.http.corsOrigins.length > 0) app.enableCors(corsOptions(config.http.corsOrigins));
  app.use(unambiguous);
}

function ownAddresses(): string[] {
  const all = Object.values(networkInterfaces()).flatMap((addresses) => addresses ?? []);
  return all.filter(({ internal }) => !internal).map(({ address }) => address);
}

/** Without browser credentials: requests carry keys and tickets. */
function corsOptions(origins: readonly string[]): CorsOptions {
  return {
    origin: [...origins],
    methods: ['GET', 'HEAD', 'POST', 'PATCH', 'DELETE'],
    allowedHeaders: [
      'Authorization',
      'X-API-Key',
      'Content-Type',
      'Idempotency-Key',
      'Last-Event-ID',
      'Prefer',
      'X-Request-Id',
      'traceparent',
    ],
    exposedHeaders: [
      'Location',
      'Retry-After',
      'RateLimit-Policy',
      'RateLimit',
      'X-Request-Id',
      'Rdev-Next-Offset',
      'Rdev-Complete',
      'Last-Event-ID',
      'Idempotency-Replayed',
      'Preference-Applied',
      'Rdev-Missing',
    ],
    maxAge: 600,
  };
}
