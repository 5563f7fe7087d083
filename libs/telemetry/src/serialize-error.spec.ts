import { execFileSync, spawnSync } from 'node:child_process';
import { serializeError } from './serialize-error.js';

const SECRET = 'hunter2-of-a-client';

function thrownBy(work: () => unknown): unknown {
  try {
    work();
  } catch (error) {
    return error;
  }
  throw new Error('It did not throw.');
}

describe('errors in logs', () => {
  it('contain message and location', () => {
    const error = Object.assign(new TypeError('x is not a function'), { code: 'ERR_X' });
    expect(serializeError(error)).toEqual({
      type: 'TypeError',
      message: 'x is not a function',
      code: 'ERR_X',
      stack: expect.stringMatching(/^\s+at .*serialize-error\.spec/),
    });
  });

  it.each<[string, unknown]>([
    [
      'fields of a failed statement',
      Object.assign(new Error('no'), { query: SECRET, parameters: [SECRET], detail: SECRET, driverError: { SECRET } }),
    ],
    [
      'a value that PostgreSQL quotes',
      Object.assign(new Error(`invalid input syntax for type json: "${SECRET}"`), { code: '22P02' }),
    ],
    ['a body that JSON.parse quotes', thrownBy(() => JSON.parse(SECRET))],
    ['an argument that Node quotes', thrownBy(() => spawnSync('true', [`${SECRET}\0`]))],
    [
      'a command line and its output',
      thrownBy(() => execFileSync('sh', ['-c', `echo ${SECRET} >&2; exit 1`], { stdio: 'pipe' })),
    ],
    [
      'request and headers of a client',
      Object.assign(new Error('no'), { request: { headers: { authorization: SECRET } }, body: SECRET }),
    ],
    ['a text', SECRET],
    ['a cause', new Error('no', { cause: Object.assign(new Error('no'), { parameters: [SECRET] }) })],
  ])('do not show %s', (_name, error) => {
    expect(JSON.stringify(serializeError(error))).not.toContain(SECRET);
  });

  it('are finite, even if an error is its own cause', () => {
    const error = new Error('again');
    error.cause = error;
    expect(JSON.stringify(serializeError(error)).length).toBeLessThan(100_000);
  });
});
