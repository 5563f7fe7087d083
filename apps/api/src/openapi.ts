import { join } from 'node:path';
import { ProblemResponse } from '@app/http';
import { describeCallbacks, describeMessages } from '@app/webhooks';
import type { INestApplication } from '@nestjs/common';
import type { NextFunction, Request, Response } from 'express';
import { DocumentBuilder, type OpenAPIObject, SwaggerModule } from '@nestjs/swagger';

import { describeAccess } from './openapi-access.js';

const DESCRIPTION = `Runs commands in isolated pods and reports exactly what happened to them.

Enter a key with **Authorize**. Outside a cluster the first start writes one to \`.rdev/admin.key\`.
Create the project \`hello\`, run a command in it, and read its output: the examples work unchanged.

Each operation names the scope that it requires (\`x-required-scope\`). To read the output of its commands, a key needs
\`commands:read\` in addition to \`commands:execute\`. Errors are \`application/problem+json\` (RFC 9457) with a stable \`code\`.`;

/** In the order in which a new user needs them. */
const TAGS = {
  projects: 'Where commands run: a pod with a volume, or a directory on the local runtime',
  commands: 'Run commands, follow them, read their output, write to their stdin, cancel them',
  queue: 'Queued and running commands; pausing',
  streams: 'Tickets for event streams in browsers, where EventSource cannot send a key',
  keys: 'API keys and their scopes',
  webhooks: 'Signed messages about events, sent to your URLs until they arrive',
  audit: 'What was done, by whom, and the proof that the log was not changed',
  system: 'For operators',
  health: 'For load balancers; without a key',
};

/** Describes the API. @see OpenAPI 3.1 */
export function describeApi(app: INestApplication): OpenAPIObject {
  const builder = new DocumentBuilder()
    .setOpenAPIVersion('3.1.0')
    .setTitle('rdev')
    .setDescription(DESCRIPTION)
    .setVersion('1')
    // Relative to the document and Swagger UI: a proxy may add a path prefix.
    .addServer('.')
    .setLicense('Apache-2.0', 'https://www.apache.org/licenses/LICENSE-2.0')
    .addBearerAuth({
      type: 'http',
      scheme: 'bearer',
      bearerFormat: 'rdev_…',
      description: 'An rdev key, which begins with `rdev_`. It can also be sent in the header `X-API-Key`.',
    })
    .addGlobalResponse({
      status: 'default',
      description: 'An error',
      content: { 'application/problem+json': { schema: { $ref: '#/components/schemas/ProblemResponse' } } },
    });
  for (const [name, description] of Object.entries(TAGS)) builder.addTag(name, description);
  const document = SwaggerModule.createDocument(app, builder.build(), { extraModels: [ProblemResponse] });
  const { post: create } = document.paths['/v1/projects/{projectId}/commands'] ?? {};
  if (create !== undefined) Object.assign(create, { callbacks: describeCallbacks() });
  return { ...describeAccess(document), webhooks: describeMessages() };
}

/** The assets of Swagger UI, which are the same for every client. */
const STATIC_FILES =
  /^\/(?:swagger-ui\.css|swagger-ui-bundle\.js|swagger-ui-standalone-preset\.js|favicon-(?:16x16|32x32)\.png)$/;

/** Serves the description at /openapi.json and Swagger UI at /docs. */
export function serveOpenApi(app: INestApplication): void {
  app.use(redirectRoot);
  app.use('/docs', swaggerUi);
  // Built on the first request: it would take a fifth of the startup time.
  SwaggerModule.setup('docs', app, () => describeApi(app), {
    customSwaggerUiPath: join(import.meta.dirname, 'swagger-ui'),
    jsonDocumentUrl: 'openapi.json',
    yamlDocumentUrl: 'openapi.yaml',
    customSiteTitle: 'rdev',
    swaggerOptions: { persistAuthorization: true, displayRequestDuration: true, tryItOutEnabled: true },
  });
}

/** Redirects the root to the documentation; relative, for proxies that add a path prefix. */
function redirectRoot(request: Request, response: Response, next: NextFunction): void {
  const isRead = request.method === 'GET' || request.method === 'HEAD';
  if (request.path === '/' && isRead) response.redirect('docs');
  else next();
}

function swaggerUi(request: Request, response: Response, next: NextFunction): void {
  // The server URL `.` is the API only for a page on the same level.
  if (/^\/docs\/(?:index\.html)?(?:\?|$)/.test(request.originalUrl)) {
    response.redirect('../docs');
    return;
  }
  if (STATIC_FILES.test(request.path)) response.removeHeader('Cache-Control');
  next();
}
