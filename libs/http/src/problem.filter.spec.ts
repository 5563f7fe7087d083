import { NotFound, StreamRoutes, Unavailable } from '@app/kernel';
import type { ArgumentsHost } from '@nestjs/common';
import { ProblemFilter } from './problem.filter.js';
import { PublicUrl } from './public-url.js';
import type { RefusalRecorder } from './refusal-recorder.js';
import type { Shutdown } from './shutdown.js';

describe('ProblemFilter', () => {
  /** The code of the response while the replica is stopping, or not. */
  function codeOf(error: unknown, isStopping: boolean): string {
    let body = '';
    const response = {
      headersSent: false,
      setHeader: () => response,
      status: () => response,
      type: () => response,
      send: (text: string) => void (body = text),
    };
    const request = { method: 'GET', path: '/x', originalUrl: '/x', query: {} };
    const http = { getRequest: () => request, getResponse: () => response };
    const refusals = { note: () => undefined } as unknown as RefusalRecorder;
    const shutdown = { isStopping } as Shutdown;
    const filter = new ProblemFilter(refusals, new StreamRoutes(), new PublicUrl(null), shutdown);
    filter.catch(error, { switchToHttp: () => http } as unknown as ArgumentsHost);
    return (JSON.parse(body) as { code: string }).code;
  }

  it.each([
    ['an outage', new Unavailable('The database is unavailable.'), 'UNAVAILABLE'],
    ['a bug', new Error('x is not a function'), 'INTERNAL'],
  ])('says of %s that the replica is stopping, if it is', (_what, error, code) => {
    expect(codeOf(error, false)).toBe(code);
    expect(codeOf(error, true)).toBe('SHUTTING_DOWN');
  });

  it('leaves what a client did wrong as it is', () => {
    expect(codeOf(new NotFound('project', 'x'), true)).toBe('NOT_FOUND');
    expect(codeOf(Object.assign(new Error('no'), { status: 413 }), true)).toBe('PAYLOAD_TOO_LARGE');
  });
});
