import { ProblemResponse } from '@app/http';
import type { INestApplication } from '@nestjs/common';
import { DocumentBuilder, type OpenAPIObject, SwaggerModule } from '@nestjs/swagger';

const DESCRIPTION = `Runs commands inside isolated pods and tells the truth about them.

Enter a key with **Authorize**: outside a cluster it lies in \`.rdev/admin.key\`.
Errors are \`application/problem+json\` (RFC 9457) with a stable \`code\`.`;

/** Describes the API. @see OpenAPI 3.1 */
export function describeApi(app: INestApplication): OpenAPIObject {
  const options = new DocumentBuilder()
    .setOpenAPIVersion('3.1.0')
    .setTitle('rdev')
    .setDescription(DESCRIPTION)
    .setVersion('1')
    .setLicense('Apache-2.0', 'https://www.apache.org/licenses/LICENSE-2.0')
    .addBearerAuth({ type: 'http', scheme: 'bearer', description: 'A key: `rdev_…`' })
    .addGlobalResponse({
      status: 'default',
      description: 'An error',
      content: { 'application/problem+json': { schema: { $ref: '#/components/schemas/ProblemResponse' } } },
    })
    .build();
  return SwaggerModule.createDocument(app, options, { extraModels: [ProblemResponse] });
}

/** Serves the description at /openapi.json and Swagger UI at /docs. */
export function serveOpenApi(app: INestApplication): void {
  const document = describeApi(app);
  SwaggerModule.setup('docs', app, document, {
    jsonDocumentUrl: 'openapi.json',
    yamlDocumentUrl: 'openapi.yaml',
    customSiteTitle: 'rdev',
    swaggerOptions: { persistAuthorization: true, displayRequestDuration: true, tryItOutEnabled: true },
  });
}
