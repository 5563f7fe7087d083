import { IncomingMessage, ServerResponse } from 'node:http';
import { Socket } from 'node:net';
import { LogThrottle } from '@app/kernel';
import { RequestLog } from './request-log.js';

describe('RequestLog', () => {
  const request = new IncomingMessage(new Socket());
  const answered = (statusCode: number, err?: unknown) =>
    Object.assign(new ServerResponse(request), { statusCode, ...(err !== undefined && { err }) });
  const outage = (code: string): Error =>
    new Error('The database does not answer.', { cause: Object.assign(new Error('x'), { code }) });
  let log: RequestLog;
  let now: number;
  beforeEach(() => {
    now = 0;
    log = new RequestLog(new LogThrottle(10_000, 100, () => now));
  });

  it.each([200, 202, 304, 400, 404, 429])('logs %i at info', (status) => {
    expect(log.level(request, answered(status))).toBe('info');
  });

  it('logs a server failure as one error for many requests, with their number', () => {
    const levels = Array.from({ length: 1_000 }, () => log.level(request, answered(503, outage('ECONNREFUSED'))));
    expect(levels.filter((level) => level === 'error')).toHaveLength(1);
    expect(levels.filter((level) => level === 'silent')).toHaveLength(999);
    now = 10_000;
    const response = answered(503, outage('ECONNREFUSED'));
    expect(log.level(request, response)).toBe('error');
    expect(log.fields(request, response, new Error('x'), { a: 1 })).toEqual({ a: 1, alike: 999 });
  });

  it('distinguishes causes', () => {
    const all = [outage('53100'), outage('53300'), new TypeError('x is not a function'), undefined];
    expect(all.map((error) => log.level(request, answered(500, error)))).toEqual(all.map(() => 'error'));
    expect(all.map((error) => log.level(request, answered(500, error)))).toEqual(all.map(() => 'silent'));
  });

  it('logs a stream that failed midway as an error, despite its status', () => {
    expect(log.level(request, answered(200, outage('53100')))).toBe('error');
  });
});
