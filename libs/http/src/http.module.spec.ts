import { type AddressInfo } from 'node:net';
import { DomainError, type ErrorKind, InvalidInput, NotFound, StreamRoutes, Unavailable } from '@app/kernel';
import { Body, Controller, Get, HttpException, Logger, Module, Param, Post, Put, Query, Res } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { Type } from 'class-transformer';
import {
  ArrayMaxSize,
  ArrayUnique,
  IsArray,
  IsIn,
  IsInt,
  IsOptional,
  IsString,
  Length,
  Matches,
  Max,
  Min,
  ValidateNested,
} from 'class-validator';
import type { NestExpressApplication } from '@nestjs/platform-express';
import type { Response } from 'express';
import { NoRefusalsModule, asCaller, bodyReading } from '../testing/index.js';
import { HttpModule } from './http.module.js';
import { HttpServerAdapter } from './http-server.js';
import { IsInstant } from './input.js';
import { IsEnvironment, IsLabelFilter, IsLabels } from './maps.js';
import { PageQuery } from './page.dto.js';
import { requestContext } from './request-context.middleware.js';
import { ReadsQuery } from './declared-input.js';
import { unambiguous } from './unambiguous.middleware.js';

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

class Labelled {
  @IsLabelFilter()
  label?: string[];
}

class Typed {
  @IsString()
  @IsIn(['shell', 'exec'])
  type!: string;

  @IsOptional()
  @IsArray()
  @ArrayMaxSize(3)
  @IsString({ each: true })
  argv?: string[];

  @IsOptional()
  @IsArray()
  @ArrayUnique()
  @Matches(/^[a-z]$/, { each: true })
  @IsIn(['a', 'b'], { each: true })
  scopes?: string[];

  @IsOptional()
  @IsInstant()
  at?: string;

  @IsOptional()
  @IsString()
  @Matches(/^[^\0]*$/)
  @Length(1, 5)
  script?: string;

  @IsOptional()
  @IsInt()
  @Min(1)
  @Max(10)
  seconds?: number;
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

  @Get('labelled')
  labelled(@Query() query: Labelled): Labelled {
    return query;
  }

  @Post('act')
  @ReadsQuery('ticket')
  act(): string {
    return 'done';
  }

  @Post('typed')
  typed(@Body() body: Typed): Typed {
    return body;
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

@Module({
  imports: [NoRefusalsModule, HttpModule.with({ publicUrl: null, streamsPerKeyMax: 10 })],
  controllers: [TestController],
  providers: bodyReading(asCaller),
})
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
    app = await NestFactory.create<NestExpressApplication>(TestModule, new HttpServerAdapter(), {
      logger: false,
      bodyParser: false,
    });
    app.use(requestContext);
    app.use(unambiguous);
    app.set('query parser', 'simple');
    app
      .get(StreamRoutes)
      .add('/t/:id', { scope: 'commands:read', authorize: () => Promise.resolve({ projectId: 'p' }) });
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
      headers: { 'content-type': 'application/json', 'x-api-key': 'key' },
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
    ])('%s is %d, in the format of RFC 9457', async (kind, status) => {
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

    it('list the invalid fields', async () => {
      const errors = [{ pointer: '#/name', detail: 'is wrong' }];
      expect((await throwing(new InvalidInput(errors))).body).toMatchObject({ code: 'INVALID_REQUEST', errors });
    });

    it('contain the time to retry', async () => {
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
    ])('reveal nothing about bugs (%#)', async (error) => {
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

    it.each<[ErrorKind, string]>([
      ['rate-limited', 'TOO_MANY_STREAMS and the like'],
      ['unavailable', 'a database that is down'],
    ])(
      'are a stream with `retry:` for an EventSource if they are %s, since it gives up on any status but 200',
      async (kind) => {
        thrown = new AnyError(kind);
        const { status, headers, text } = await ask('/t/throw?ticket=x');
        expect([status, headers.get('content-type')]).toEqual([200, 'text/event-stream; charset=utf-8']);
        expect(headers.get('cache-control')).toMatch(/no-store.*no-cache.*no-transform/);
        const [, retry] = /^retry: (\d+)\n\n$/.exec(text) ?? [];
        // Not before Retry-After.
        expect(Number(retry)).toBeGreaterThanOrEqual(7_000 + 2_000);
        expect(Number(retry)).toBeLessThan(7_000 + 5_000);
      },
    );

    it('are the same for an EventSource if a retry is of no use', async () => {
      thrown = new NotFound('command', 'x');
      expect((await ask('/t/throw?ticket=x')).status).toBe(404);
      thrown = new AnyError('rate-limited');
      expect((await ask('/t/late-not-a-stream?ticket=x')).status).toBe(404);
      expect((await ask('/t/throw', { headers: { 'x-api-key': 'x' } })).status).toBe(429);
    });

    it('break a response that has begun, so that it does not look complete', async () => {
      await expect(ask('/t/late')).rejects.toThrow();
    });

    it.each([
      ['{"name":', 'The body is not valid JSON.'],
      ['{"name":"a"} x', 'The body is not valid JSON.'],
    ])('report that %j is not JSON, without quoting it', async (body, detail) => {
      expect((await post(body)).body).toMatchObject({ status: 400, code: 'INVALID_REQUEST', detail });
    });
  });

  describe('routes', () => {
    it('that do not exist are 404, without the query', async () => {
      const { status, body } = await ask('/nothing?key=SECRET');
      expect([status, body.code, body.instance]).toEqual([404, 'NOT_FOUND', '/nothing']);
    });

    it.each([
      ['DELETE', '/t/items/1', 'GET, PUT'],
      ['POST', '/t/items/1', 'GET, PUT'],
      ['GET', '/t/body', 'POST'],
      ['PATCH', '/t/page', 'GET'],
    ])('with another method than %s %s are 405, with the allowed methods', async (method, path, allow) => {
      const { status, body, headers } = await ask(path, { method });
      expect([status, body.code]).toEqual([405, 'METHOD_NOT_ALLOWED']);
      expect(headers.get('allow')!.replace('HEAD, ', '')).toBe(allow);
    });

    it.each(['/T/page', '/t/Page', '/t/page/', '//t/page', '/t//page', '/t/p%61ge'])(
      'match exactly, and %s is another',
      async (path) => {
        expect((await ask(path)).body).toMatchObject({ status: 404, code: 'NOT_FOUND' });
      },
    );

    it.each(['/t/items/%', '/t/items/%C3', '/t/items/%E0%A4%A'])(
      'that cannot be decoded are not reported as a bug: %s',
      async (path) => {
        const { status, text } = await ask(path);
        expect([400, 404]).toContain(status);
        expect(text).not.toMatch(/node_modules|\.ts/);
      },
    );
  });

  describe('input', () => {
    it('is accepted if it is valid', async () => {
      expect((await post({ name: 'a', 'a/b~c': { size: 1 }, env: { A: '1' }, labels: { x: 'y' } })).status).toBe(201);
    });

    it.each<[body: unknown, pointer: string, detail: RegExp]>([
      [{}, '#/name', /^is required: must be a string$/],
      [{ name: '' }, '#/name', /longer than or equal to 1/],
      [{ name: 5 }, '#/name', /^must be a string$/],
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
    ])('that is invalid is refused (%#)', async (body, pointer, detail) => {
      const answer = await post(body);
      expect(answer.status).toBe(400);
      expect(answer.body.code).toBe('INVALID_REQUEST');
      expect(answer.body.errors).toEqual([{ pointer, detail: expect.stringMatching(detail) }]);
    });

    it.each<[body: unknown, pointer: string, detail: string]>([
      [{}, '#/type', 'is required: must be one of the following values: shell, exec'],
      [{ type: 5 }, '#/type', 'must be a string'],
      [{ type: 'shell', at: 5 }, '#/at', 'must be a string'],
      [{ type: 'exec', argv: [1] }, '#/argv/0', 'must be a string'],
      [{ type: 'exec', argv: ['', null, {}] }, '#/argv/1', 'must be a string'],
      [{ type: 'exec', scopes: ['a', 'b', 'c', 'd'] }, '#/scopes/2', 'must be one of the following values: a, b'],
      [{ type: 'exec', scopes: ['a', 'a'] }, '#/scopes', "All scopes's elements must be unique"],
      [{ type: 'x' }, '#/type', 'must be one of the following values: shell, exec'],
      [{ type: 'exec', argv: 'echo x' }, '#/argv', 'must be an array'],
      [{ type: 'exec', argv: { 0: 'echo' } }, '#/argv', 'must be an array'],
      [{ type: 'exec', argv: ['', '', '', ''] }, '#/argv', 'must contain no more than 3 elements'],
      [{ type: 'shell', script: ['a'] }, '#/script', 'must be a string'],
      [{ type: 'shell', seconds: '5' }, '#/seconds', 'must be an integer number'],
      [{ type: 'shell', seconds: true }, '#/seconds', 'must be an integer number'],
      [{ type: 'shell', seconds: 11 }, '#/seconds', 'must not be greater than 10'],
    ])('gets one error per field, about its type first (%#)', async (body, pointer, detail) => {
      const headers = { 'content-type': 'application/json', 'x-api-key': 'key' };
      const answer = await ask('/t/typed', { method: 'POST', headers, body: JSON.stringify(body) });
      expect(answer.body.errors).toEqual([{ pointer, detail }]);
    });

    it('in a query is reported by parameter name, and not as a body field', async () => {
      expect((await ask('/t/page?limit=abc')).body).toMatchObject({
        detail: 'limit: must be an integer number',
        errors: [{ pointer: 'limit', detail: 'must be an integer number' }],
      });
      expect((await ask('/t/page?a/b=1')).body.errors).toEqual([
        { pointer: 'a/b', detail: 'is not a parameter of this route' },
      ]);
    });

    it.each([
      ['label=a', 'must have the form name=value'],
      ['label=a=1&label=a=2', 'must name each label once'],
      ['label=a=1&label=b=1&label=a=1', 'must name each label once'],
    ])('must be a label filter that can match: %s', async (query, detail) => {
      expect((await ask(`/t/labelled?${query}`)).body.errors).toEqual([{ pointer: 'label', detail }]);
      expect((await ask('/t/labelled?label=a=1&label=b=1')).body).toEqual({ label: ['a=1', 'b=1'] });
    });

    it.each([
      ['POST', '/t/act?x=1&ticket=y', undefined, { pointer: 'x', detail: 'is not a parameter of this route' }],
      ['POST', '/t/act', { force: true }, { pointer: '#/force', detail: 'is not a known field' }],
      ['GET', '/t/items/1?x=1', undefined, { pointer: 'x', detail: 'is not a parameter of this route' }],
    ])('that a route would ignore is refused: %s %s', async (method, path, body, error) => {
      const headers = { 'x-api-key': 'key', ...(body && { 'content-type': 'application/json' }) };
      const answer = await ask(path, { method, headers, ...(body && { body: JSON.stringify(body) }) });
      expect([answer.status, answer.body.errors]).toEqual([400, [error]]);
    });

    it('may be absent if a route needs none', async () => {
      for (const body of ['', '{}']) {
        const headers = { 'x-api-key': 'key', 'content-type': 'application/json' };
        expect((await ask('/t/act?ticket=y', { method: 'POST', headers, body })).status).toBe(201);
      }
    });

    it.each([
      ['/t/page?cursor=%E9', 'cursor'],
      ['/t/page?cursor=%ED%A0%80', 'cursor'],
      ['/t/page?cursor=100%', 'cursor'],
      ['/t/page?limit=1&%FF=1', 'query'],
      ['/t/page?cursor=a?%C3', 'cursor'],
      ['/t/items/%E9', 'path'],
      ['/t/items/%C0%AF', 'path'],
    ])('that is not UTF-8 in a URL is refused, and not substituted: %s', async (path, pointer) => {
      const { status, body } = await ask(path);
      expect([status, body.errors]).toEqual([400, [{ pointer, detail: 'must be UTF-8 in percent-encoding' }]]);
    });

    it('gets errors for all invalid fields', async () => {
      const { body } = await post({ extra: 1, labels: 1 });
      expect(body.errors.map(({ pointer }: { pointer: string }) => pointer).sort()).toEqual([
        '#/extra',
        '#/labels',
        '#/name',
      ]);
    });

    it('with the most names takes about as long as one of the same size with few', async () => {
      const env = (count: number, size: number) =>
        Object.fromEntries(Array.from({ length: count }, (_, i) => [`N${i}`, 'x'.repeat(size)]));
      const leastMs = async (body: unknown): Promise<number> => {
        const times: number[] = [];
        for (let i = 0; i < 5; i++) {
          const since = performance.now();
          expect((await post(body)).status).toBe(201);
          times.push(performance.now() - since);
        }
        return Math.min(...times);
      };
      const few = await leastMs({ name: 'a', env: env(10, 100_000) });
      expect(await leastMs({ name: 'a', env: env(1_000, 1_000) })).toBeLessThan(20 * few);
    });

    it.each([[[]], ['"text"'], ['[{"name":"a"}]']])('that is not an object is refused: %j', async (body) => {
      expect((await post(body)).status).toBe(400);
    });

    it.each([...Object.getOwnPropertyNames(Object.prototype), 'prototype', 'then', 'toJSON'])(
      'is accepted completely or refused, also with the name %s',
      async (name) => {
        const labels = `{"${name}":"x"}`;
        const { status, text } = await post(`{"name":"a","labels":${labels}}`);
        if (status === 201) expect(text).toContain(`"labels":${labels}`);
        else expect(text).toContain(`"pointer":"#/labels/${name}"`);
        expect((await post(`{"name":"a","${name}":1}`)).body.errors).toEqual([
          expect.objectContaining({ pointer: `#/${name}` }),
        ]);
      },
    );

    it('does not pollute prototypes', async () => {
      await post('{"name":"a","__proto__":{"polluted":1},"constructor":{"prototype":{"polluted":1}}}');
      expect(({} as { polluted?: number }).polluted).toBeUndefined();
    });

    it('has a page size of 50 by default, and at most 200', async () => {
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
