import { InvalidConfiguration } from '@app/config';
import { startFailure } from './start-failure.js';

const refused = (address: string): Error =>
  Object.assign(new Error(`connect ECONNREFUSED ${address}`), { code: 'ECONNREFUSED' });

describe('startFailure', () => {
  it.each([
    [
      new InvalidConfiguration(['PORT must be a number']),
      /^The configuration is not valid:\n {2}PORT must be a number$/,
    ],
    [refused('10.0.0.1:5432'), /^The database does not answer: connect ECONNREFUSED 10\.0\.0\.1:5432$/],
    [
      new AggregateError([refused('::1:5432'), refused('127.0.0.1:5432')]),
      /^The database does not answer: connect ECONNREFUSED ::1:5432; connect ECONNREFUSED 127\.0\.0\.1:5432$/,
    ],
    [
      Object.assign(new Error('sorry, too many clients already'), { code: '53300' }),
      /^The database has no connection left: sorry, too many clients already$/,
    ],
    [Object.assign(new Error('no such column'), { query: 'SELECT secret' }), /^Error: no such column\n +at /],
    ['text', /^The thrown value is not an Error\.$/],
  ])('formats %s', (error, words) => {
    expect(startFailure(error)).toMatch(words);
    expect(startFailure(error)).not.toContain('SELECT');
  });
});
