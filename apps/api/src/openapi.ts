import { join } from 'node:path';
import { ProblemResponse } from '@app/http';
import type { INestApplication } from '@nestjs/common';
import type { NextFunction, Request, Response } from 'express';
import { DocumentBuilder, type OpenAPIObject, SwaggerModule } from '@nestjs/swagger';
import { describeAccess } from './openapi-access.js';

const DESCRIPTION = `Runs commands inside isolated pods and tells the truth about them.

Enter a key with **Authorize**. Outside a cluster the first start writes one to \`.rdev/admin.key\`.
Create the project \`hello\`, run a command in it, and read its output: the examples work as they are.

Each operation names the scope that its key needs (\`x-required-scope\`). A key that runs commands needs \`commands:read\` besides
\`commands:execute\` to see their output. Errors are \`application/problem+json\` (RFC 9457) with a stable \`code\`.`;

/** In the order in which a newcomer needs them. */
const TAGS = {
  projects: 'Where commands run: a pod with a volume, or a directory on the local runtime',
  commands: 'Run commands, follow them, read their output, write to their stdin, end them',
  queue: 'What waits and runs; pausing',
  streams: 'Event streams in browsers, which cannot send a key',
  keys: 'Who may do what',
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
    // Beside the document, and beside Swagger UI: behind a proxy there may be a path before ours.
    .addServer('.')
    .setLicense('Apache-2.0', 'https://www.apache.org/licenses/LICENSE-2.0')
    .addBearerAuth({
      type: 'http',
      scheme: 'bearer',
      bearerFormat: 'rdev_…',
      description: 'A key of rdev, which begins with `rdev_`. The header `X-API-Key` is another way to send it.',
    })
    .addGlobalResponse({
      status: 'default',
      description: 'An error',
      content: { 'application/problem+json': { schema: { $ref: '#/components/schemas/ProblemResponse' } } },
    });
  for (const [name, description] of Object.entries(TAGS)) builder.addTag(name, description);
  return describeAccess(SwaggerModule.createDocument(app, builder.build(), { extraModels: [ProblemResponse] }));
}

/** What Swagger UI loads besides the description, of which nothing depends on who asks. */
const STATIC_FILES =
  /^\/(?:swagger-ui\.css|swagger-ui-bundle\.js|swagger-ui-standalone-preset\.js|favicon-(?:16x16|32x32)\.png)$/;

/** Serves the description at /openapi.json and Swagger UI at /docs. */
export function serveOpenApi(app: INestApplication): void {
  app.use(fromTheTop);
  app.use('/docs', swaggerUi);
  // Described when somebody asks: it takes a fifth of the time of a start.
  SwaggerModule.setup('docs', app, () => describeApi(app), {
    customSwaggerUiPath: join(import.meta.dirname, 'swagger-ui'),
    jsonDocumentUrl: 'openapi.json',
    yamlDocumentUrl: 'openapi.yaml',
    customSiteTitle: 'rdev',
    swaggerOptions: { persistAuthorization: true, displayRequestDuration: true, tryItOutEnabled: true },
  });
}

/** A newcomer who opens the address that the welcome names gets to the documentation; behind a proxy, too. */
function fromTheTop(request: Request, response: Response, next: NextFunction): void {
  const isRead = request.method === 'GET' || request.method === 'HEAD';
  if (request.path === '/' && isRead) response.redirect('docs');
  else next();
}

function swaggerUi(request: Request, response: Response, next: NextFunction): void {
  // `.` is where the API is only for a page that is beside it.
  if (/^\/docs\/(?:index\.html)?(?:\?|$)/.test(request.originalUrl)) {
    response.redirect('../docs');
    return;
  }
  if (STATIC_FILES.test(request.path)) response.removeHeader('Cache-Control');
  next();
}
