import { MIMEType } from 'node:util';
import { type CanActivate, type ExecutionContext, Injectable, UnsupportedMediaTypeException } from '@nestjs/common';
import type { Response } from 'express';
import type { AccessedRequest } from './access.js';
import { BodyBudget } from './body-budget.js';
import { noteIdempotencyKey } from './idempotency.js';
import { IncomingBody } from './incoming-body.js';
import { parseBody } from './json-body.js';
import { onceClosed } from './once-closed.js';
import { assertNothingIgnored } from './declared-input.js';

const TYPES = ['application/json', 'application/merge-patch+json'];

/**
 * Reads the body after authentication and authorization. The bodies of other requests, and of public routes, are not
 * read.
 */
@Injectable()
export class BodyGuard implements CanActivate {
  constructor(private readonly budget: BodyBudget) {}

  async canActivate(context: ExecutionContext): Promise<boolean> {
    const request = context.switchToHttp().getRequest<AccessedRequest>();
    const response = context.switchToHttp().getResponse<Response>();
    if (request.grant === undefined) return true;
    const bytes = await this.read(request, response, request.grant.caller.keyId);
    noteIdempotencyKey(request, bytes);
    if (bytes.length > 0) request.body = parseBody(bytes);
    assertNothingIgnored(context, request);
    return true;
  }

  private async read(request: AccessedRequest, response: Response, keyId: string): Promise<Buffer> {
    const body = IncomingBody.of(request);
    if (body === null) return Buffer.alloc(0);
    assertJson(request);
    const keep = await this.budget.take(keyId, body.bytesMax());
    onceClosed(response, () => {
      keep(0);
    });
    const bytes = await body.read();
    if (!response.closed) keep(bytes.length);
    return bytes;
  }
}

/**
 * Other types are refused, not ignored or guessed; compressed bodies can be a thousand times larger than on the wire.
 */
function assertJson({ headers }: AccessedRequest): void {
  const type = mimeType(headers['content-type']);
  if (type === null || !TYPES.includes(type.essence)) {
    throw new UnsupportedMediaTypeException('The body must be application/json.');
  }
  if (!isUtf8(type, headers['content-type'])) throw new UnsupportedMediaTypeException('The body must be UTF-8.');
  const { 'content-encoding': content = 'identity', 'transfer-encoding': transfer = 'chunked' } = headers;
  if (content.toLowerCase() !== 'identity' || transfer.toLowerCase() !== 'chunked') {
    throw new UnsupportedMediaTypeException('The body must not be compressed.');
  }
}

/** Two charsets, or a malformed one, could be read differently by a proxy. */
function isUtf8({ params }: MIMEType, text = ''): boolean {
  const count = text.match(/charset/gi)?.length ?? 0;
  return count === 0 || (count === 1 && /^utf-?8$/i.test(params.get('charset') ?? ''));
}

function mimeType(text = ''): MIMEType | null {
  try {
    return new MIMEType(text);
  } catch {
    return null;
  }
}
