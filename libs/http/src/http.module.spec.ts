import { type AddressInfo } from 'node:net';
import { DomainError, type ErrorKind, InvalidInput, NotFound, Unavailable } from '@app/kernel';
import { Body, Controller, Get, HttpException, Logger, Module, Param, Post, Put, Query, Res } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { EventEmitterModule } from '@nestjs/event-emitter';
import { Type } from 'class-transformer';
import { IsInt, IsOptional, IsString, Length, ValidateNested } from 'class-validator';
import type { NestExpressApplication } from '@nestjs/platform-express';
import type { Response } from 'express';
import { HttpModule } from './http.module.js';
import { IsEnvironment, IsLabels } from './maps.js';
import { PageQuery } from './page.dto.js';
import { requestContext } from './request-context.middleware.js';

class AnyError extends DomainError {
  readonly code = 'SOME_CODE';
  override readonly retryable = true;
  override readonly retryAfterSeconds = 7;

  constructor(readonly kind: ErrorKind) {
    super('In words.', { projectId: 'web' }, { cause: new Error('SECRET cause') });
  }
}

class Inner {
  @IsInt()
  size!: number;
}

class Outer {
  @IsString()
  @Length(1, 5)
  name!: string;

  @IsOptional()
  @ValidateNested()
  @Type(() => Inner)
  'a/b~c'?: Inner;

  @IsOptional()
  @IsEnvironment()
  env?: Record<string, string>;

  @IsOptional()
  @IsLabels()
  labels?: Record<string, string>;
}

let thrown: unknown;

@Controller('t')
class TestController {
  @Get('throw')
  throw(): never {
    throw thrown;
  }

  @Get('late')
  late(@Res() response: Response): void {
    response.write('half of an answer');
    throw new Error('SECRET');
  }

  @Post('body')
  body(@Body() body: Outer): Outer {
    return body;
  }

  @Get('page')
  page(@Query() query: PageQuery): PageQuery {
    return query;
  }

  @Put('items/:id')
  put(@Param('id') id: string): string {
    return id;
  }

  @Get('items/:id')
  get(@Param('id') id: string): string {
    return id;
  }
}

@Module({ imports: [EventEmitterModule.forRoot(), HttpModule], controllers: [TestController] })
class TestModule {}

interface Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
  readonly body: any;
}

describe('HTTP', () => {
  let app: NestExpressApplication;
  let base: string;

  beforeAll(async () => {
    Logger.overrideLogger(false);
    app = await NestFactory.create<NestExpressApplication>(TestModule, { logger: false, bodyParser: false });
    app.use(requestContext);
    app.set('query parser', 'simple');
    app.useBodyParser('json', { limit: 1_048_576 });
    await app.listen(0, '127.0.0.1');
    base = `http://127.0.0.1:${(app.getHttpServer().address() as AddressInfo).port}`;
  });
  afterAll(() => app.close());

  const ask = async (path: string, init: RequestInit = {}): Promise<Answer> => {
    const response = await fetch(base + path, init);
    const text = await response.text();
    const isJson = response.headers.get('content-type')?.includes('json') ?? false;
    return { status: response.status, headers: response.headers, text, body: isJson ? JSON.parse(text) : undefined };
  };
  const throwing = (error: unknown): Promise<Answer> => {
    thrown = error;
    return ask('/t/throw?secret=query');
  };
  const post = (body: unknown): Promise<Answer> =>
    ask('/t/body', {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: typeof body === 'string' ? body : JSON.stringify(body),
    });

  describe('problems', () => {
    it.each<[ErrorKind, number]>([
      ['invalid', 400],
      ['unauthenticated', 401],
      ['forbidden', 403],
      ['not-found', 404],
      ['conflict', 409],
      ['gone', 410],
      ['too-large', 413],
      ['unprocessable', 422],
      ['rate-limited', 429],
      ['unavailable', 503],
    ])('%s is %d, in the form of RFC 9457', async (kind, status) => {
      const answer = await throwing(new AnyError(kind));
      expect(answer.status).toBe(status);
      expect(answer.headers.get('content-type')).toMatch(/^application\/problem\+json/);
      expect(answer.body).toEqual({
        type: 'urn:rdev:problem:some-code',
        title: 'Some code',
        status,
        detail: 'In words.',
        instance: '/t/throw',
        code: 'SOME_CODE',
        requestId: answer.headers.get('x-request-id'),
        retryable: true,
        projectId: 'web',
      });
      expect(answer.headers.get('retry-after')).toBe('7');
      expect(answer.headers.has('www-authenticate')).toBe(status === 401);
    });

    it('name the fields at fault', async () => {
      const errors = [{ pointer: '#/name', detail: 'is wrong' }];
      expect((await throwing(new InvalidInput(errors))).body).toMatchObject({ code: 'INVALID_REQUEST', errors });
    });

    it('say when to try again', async () => {
      expect((await throwing(new Unavailable('away'))).headers.get('retry-after')).toBe('1');
      expect((await throwing(new NotFound('project', 'x'))).headers.has('retry-after')).toBe(false);
    });

    it.each([
      new Error('SECRET password'),
      Object.assign(new Error('SECRET'), { status: 599 }),
      Object.assign(new Error('SECRET'), { status: '404' }),
      new TypeError('SECRET of undefined'),
      'SECRET text',
      undefined,
      null,
      { message: 'SECRET' },
      new HttpException('SECRET', 500),
      new HttpException({ secret: 'SECRET' }, 503),
    ])('give nothing away of what is a bug (%#)', async (error) => {
      const { status, body, text } = await throwing(error);
      expect(status).toBe(500);
      expect(body).toMatchObject({
        code: 'INTERNAL',
        title: 'Internal',
        detail: 'Internal Server Error',
        retryable: false,
      });
      expect(text).not.toMatch(/SECRET|node_modules|\.ts/);
    });

    it('break an answer that has begun: its end must not look like one', async () => {
      await expect(ask('/t/late')).rejects.toThrow();
    });

    it.each([
      ['{"name":', 'The body is not valid JSON.'],
      ['{"name":"a"} x', 'The body is not valid JSON.'],
    ])('say that %j is no JSON, without repeating it', async (body, detail) => {
      expect((await post(body)).body).toMatchObject({ status: 400, code: 'INVALID_REQUEST', detail });
    });
  });

  describe('routes', () => {
    it('that there are not are 404, without the query', async () => {
      const { status, body } = await ask('/nothing?key=SECRET');
      expect([status, body.code, body.instance]).toEqual([404, 'NOT_FOUND', '/nothing']);
    });

    it.each([
      ['DELETE', '/t/items/1', 'GET, PUT'],
      ['POST', '/t/items/1', 'GET, PUT'],
      ['GET', '/t/body', 'POST'],
      ['PATCH', '/t/page', 'GET'],
    ])('with another method than %s %s are 405, with what they allow', async (method, path, allow) => {
      const { status, body, headers } = await ask(path, { method });
      expect([status, body.code]).toEqual([405, 'METHOD_NOT_ALLOWED']);
      expect(headers.get('allow')!.replace('HEAD, ', '')).toBe(allow);
    });

    it.each(['/t/items/%', '/t/items/%C3', '/t/items/%E0%A4%A'])(
      'that cannot be decoded are no bug: %s',
      async (path) => {
        const { status, text } = await ask(path);
        expect([400, 404]).toContain(status);
        expect(text).not.toMatch(/node_modules|\.ts/);
      },
    );
  });

  describe('input', () => {
    it('passes when it is as described', async () => {
      expect((await post({ name: 'a', 'a/b~c': { size: 1 }, env: { A: '1' }, labels: { x: 'y' } })).status).toBe(201);
    });

    it.each<[body: unknown, pointer: string, detail: RegExp]>([
      [{}, '#/name', /^must be/],
      [{ name: '' }, '#/name', /longer than or equal to 1/],
      [{ name: 5 }, '#/name', /^must be/],
      [{ name: 'a', extra: 1 }, '#/extra', /^is not a known field$/],
      [{ name: 'a', __proto__x: 1 }, '#/__proto__x', /^is not a known field$/],
      [{ name: 'a', 'a/b~c': { size: 'x' } }, '#/a~1b~0c/size', /^must be an integer/],
      [{ name: 'a', 'a/b~c': { size: 1, more: 2 } }, '#/a~1b~0c/more', /^is not a known field$/],
      [{ name: 'a', env: [] }, '#/env', /object/],
      [{ name: 'a', env: { RDEV_X: '1' } }, '#/env', /RDEV_/],
      [{ name: 'a', env: { 'A=B': '1' } }, '#/env', /names/],
      [{ name: 'a', env: { A: 'x\0' } }, '#/env', /NUL/],
      [{ name: 'a', env: { A: 'x'.repeat(131_072) } }, '#/env', /128 KiB|longest|less/],
      [{ name: 'a', labels: { '': 'x' } }, '#/labels', /names/],
      [{ name: 'a', labels: { a: 1 } }, '#/labels', /strings/],
      [
        { name: 'a', labels: Object.fromEntries(Array.from({ length: 65 }, (_, i) => [`l${i}`, ''])) },
        '#/labels',
        /64/,
      ],
    ])('that is not is refused (%#)', async (body, pointer, detail) => {
      const answer = await post(body);
      expect(answer.status).toBe(400);
      expect(answer.body.code).toBe('INVALID_REQUEST');
      expect(answer.body.errors).toEqual([{ pointer, detail: expect.stringMatching(detail) }]);
    });

    it('names all fields that are wrong', async () => {
      const { body } = await post({ extra: 1, labels: 1 });
      expect(body.errors.map(({ pointer }: { pointer: string }) => pointer).sort()).toEqual([
        '#/extra',
        '#/labels',
        '#/name',
      ]);
    });

    it.each([[[]], ['"text"'], ['[{"name":"a"}]']])('that is no object is refused: %j', async (body) => {
      expect((await post(body)).status).toBe(400);
    });

    it('pollutes no prototype', async () => {
      await post('{"name":"a","__proto__":{"polluted":1},"constructor":{"prototype":{"polluted":1}}}');
      expect(({} as { polluted?: number }).polluted).toBeUndefined();
    });

    it('has pages of 50 unless it says otherwise, and at most 200', async () => {
      expect((await ask('/t/page')).body).toEqual({ limit: 50 });
      expect((await ask('/t/page?limit=200&cursor=x')).body).toEqual({ limit: 200, cursor: 'x' });
      for (const limit of ['0', '201', '-1', '1.5', 'x', '', '1e1000'])
        expect([limit, (await ask(`/t/page?limit=${limit}`)).status]).toEqual([limit, 400]);
      expect((await ask('/t/page?cursor=a&cursor=b')).status).toBe(400);
      expect((await ask('/t/page?other=1')).status).toBe(400);
    });
  });

  describe('request ids', () => {
    it("are the client's own if they are well-formed", async () => {
      const id = 'trace-1/a.b:c=d+e@f';
      expect((await ask('/t/page', { headers: { 'x-request-id': id } })).headers.get('x-request-id')).toBe(id);
    });

    it.each(['', 'a b', 'x'.repeat(129), '<script>', 'ä'])('are ours otherwise: %j', async (id) => {
      const answer = await ask('/t/page', { headers: { 'x-request-id': id } });
      expect(answer.headers.get('x-request-id')).toMatch(/^req_[0-9a-z]{26}$/);
    });
  });
});
