import type { CommandPolicy } from '@app/commands';
import type { Config } from '@app/config';
import { clientAddress, idempotencyKey, jsonOnly, requestContext } from '@app/http';
import { NestFactory } from '@nestjs/core';
import type { NestExpressApplication } from '@nestjs/platform-express';
import helmet from 'helmet';
import { Logger } from 'nestjs-pino';
import { AppModule } from './app.module.js';
import { serveOpenApi } from './openapi.js';

const BODY_BYTES_MAX = 1_048_576;

/** The application, ready to listen. */
export async function createApp(
  config: Config,
  databaseUrl: string,
  policy: CommandPolicy,
): Promise<NestExpressApplication> {
  const app = await NestFactory.create<NestExpressApplication>(AppModule.with(config, databaseUrl, policy), {
    bodyParser: false,
    rawBody: true,
    bufferLogs: true,
    // Streams are completed before this cuts what is left, so that the process does not wait for clients.
    forceCloseConnections: true,
    abortOnError: false,
  });
  app.useLogger(app.get(Logger));
  app.flushLogs();
  setUpHttp(app, config);
  serveOpenApi(app);
  return app;
}

function setUpHttp(app: NestExpressApplication, config: Config): void {
  app.disable('x-powered-by');
  app.set('etag', false);
  app.set('query parser', 'simple');
  app.use(clientAddress(config.http.trustProxy));
  app.use(requestContext);
  app.use(
    helmet({
      contentSecurityPolicy: { directives: { 'upgrade-insecure-requests': null } },
      strictTransportSecurity: false,
    }),
  );
  app.use(jsonOnly);
  app.useBodyParser('json', {
    limit: BODY_BYTES_MAX,
    strict: true,
    type: ['application/json', 'application/merge-patch+json'],
  });
  app.use(idempotencyKey);
}
