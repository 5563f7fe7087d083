import { EventEmitter } from 'node:events';
import { LogThrottle, currentRequest, runInRequest } from '@app/kernel';
import type { Request, Response } from 'express';
import { RequestLog } from './request-log.js';

type Line = Readonly<Record<string, unknown>>;

const context = {
  requestId: 'req_1',
  actor: { keyId: null, ip: null, userAgent: null, requestId: 'req_1', traceId: null },
};
const ANSWERED = { statusCode: 200, headersSent: true, writableEnded: true };

describe('RequestLog', () => {
  const outage = (code: string): Error =>
    new Error('The database does not answer.', { cause: Object.assign(new Error('x'), { code }) });
  let log: RequestLog;
  let now: number;
  let lines: Line[];
  beforeEach(() => {
    now = 0;
    lines = [];
    const write = (level: string) => (fields: unknown, msg?: unknown) =>
      void lines.push({ level, requestId: currentRequest()?.requestId, ...(fields as object), msg });
    const logger = { info: write('info'), error: write('error') };
    log = new RequestLog(logger, new LogThrottle(10_000, 100, () => now));
  });

  function begin(path = '/v1/projects', { readableAborted = false, isKnown = true } = {}): EventEmitter {
    const request = { method: 'GET', url: path, originalUrl: path, readableAborted } as Request;
    const response = Object.assign(new EventEmitter(), { statusCode: 200, headersSent: false, writableEnded: false });
    const next = jest.fn();
    const enter = (): void => {
      log.middleware(request, response as unknown as Response, next);
    };
    if (isKnown) runInRequest(context, enter);
    else enter();
    expect(next).toHaveBeenCalledTimes(1);
    return response;
  }

  /** Its line, if it has one. */
  function end(response: EventEmitter, state: object = ANSWERED): Line | undefined {
    const before = lines.length;
    Object.assign(response, state).emit('close');
    return lines[before];
  }

  const answer = (statusCode: number, err?: unknown): Line | undefined =>
    end(begin(), { ...ANSWERED, statusCode, ...(err !== undefined && { err }) });

  it.each([200, 202, 304, 400, 404, 429])('logs %i at info, as a line of the request', (statusCode) => {
    const line = answer(statusCode)!;
    expect(line).toEqual({
      level: 'info',
      requestId: 'req_1',
      req: { method: 'GET', path: '/v1/projects' },
      res: { statusCode },
      responseTime: expect.any(Number),
      msg: 'request completed',
    });
    expect(Number.isInteger(line.responseTime)).toBe(true);
  });

  it('shows neither a query nor a secret in a path', () => {
    expect(end(begin('/v1/keys/rdev_Xi2GP9oR_1s1APERi9pSOGTbXATtv7rcLVltCMatL1ILO47?ticket=x'))).toMatchObject({
      req: { path: '/v1/keys/***' },
    });
  });

  it('logs a request that its client gives up, without a status if none was sent', () => {
    expect(end(begin(), {})).toMatchObject({ msg: 'request aborted', res: { statusCode: null } });
    expect(end(begin(), { headersSent: true })).toMatchObject({ msg: 'request aborted', res: { statusCode: 200 } });
    expect(end(begin('/', { readableAborted: true }))).toMatchObject({ msg: 'request aborted' });
  });

  it.each(['/health', '/ready', '/health/live', '/ready?x'])('ignores %s', (path) => {
    expect(end(begin(path))).toBeUndefined();
  });

  it('leaves a request without a context to the filter of problems', () => {
    expect(end(begin('/v1/projects', { isKnown: false }))).toBeUndefined();
  });

  it('logs a response that fails as one error', () => {
    const response = begin();
    const err = new Error('write after end');
    response.emit('error', err);
    response.emit('error', new Error('another'));
    expect(lines).toEqual([]);
    expect(end(response)).toMatchObject({ level: 'error', err, res: { statusCode: 200 }, msg: 'request errored' });
  });

  it('logs a server failure without a known error as one', () => {
    expect(answer(502)).toMatchObject({ level: 'error', err: new Error('failed with status code 502') });
  });

  it('logs a server failure as one error for many requests, with their number', () => {
    for (let i = 0; i < 1_000; i++) answer(503, outage('ECONNREFUSED'));
    expect(lines).toEqual([expect.objectContaining({ level: 'error', err: outage('ECONNREFUSED') })]);
    expect(lines[0]).not.toHaveProperty('alike');
    now = 10_000;
    expect(answer(503, outage('ECONNREFUSED'))).toMatchObject({ level: 'error', alike: 999 });
  });

  it('distinguishes causes', () => {
    const all = [outage('53100'), outage('53300'), new TypeError('x is not a function'), undefined];
    expect(all.map((error) => answer(500, error)?.level)).toEqual(all.map(() => 'error'));
    expect(all.map((error) => answer(500, error))).toEqual(all.map(() => undefined));
  });

  it('logs a stream that failed midway as an error, despite its status', () => {
    expect(answer(200, outage('53100'))).toMatchObject({ level: 'error', res: { statusCode: 200 } });
  });
});
