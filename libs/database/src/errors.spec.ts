import { InvalidCursor, Unavailable } from '@app/kernel';
import { isBlocked, isOutage, toDomainError, violatedUnique } from './errors.js';

const withCode = (code: string, message = 'x'): Error => Object.assign(new Error(message), { code });
const asQueryFailed = (driverError: Error): Error =>
  Object.assign(new Error(driverError.message), { driverError, code: (driverError as { code?: string }).code });

describe('isOutage', () => {
  it.each([
    '08000',
    '08006',
    '53300',
    '57P01',
    '57P02',
    '57P03',
    '57014',
    '25P03',
    '55P03',
    '40P01',
    '58030',
    '53100',
    '53200',
    'EMFILE',
    'ENFILE',
    'ENOMEM',
    '25006',
    'ECONNREFUSED',
    'ECONNRESET',
    'EPIPE',
    'ENOTFOUND',
    'EAI_AGAIN',
    'ETIMEDOUT',
    'EHOSTUNREACH',
    'CERT_HAS_EXPIRED',
    'SELF_SIGNED_CERT_IN_CHAIN',
    'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
    'ERR_TLS_CERT_ALTNAME_INVALID',
    'ERR_SSL_WRONG_VERSION_NUMBER',
  ])('is true for %s, also inside an error of TypeORM', (code) => {
    expect(isOutage(withCode(code))).toBe(true);
    expect(isOutage(asQueryFailed(withCode(code)))).toBe(true);
  });

  it.each(['23505', '22P02', '42601', '40001', 'ENOENT'])('is false for %s', (code) => {
    expect(isOutage(withCode(code))).toBe(false);
    expect(isOutage(asQueryFailed(withCode(code)))).toBe(false);
  });

  it.each([
    'Connection terminated unexpectedly',
    'Connection terminated due to connection timeout',
    'timeout exceeded when trying to connect',
    'Query read timeout',
    'Client has encountered a connection error and is not queryable',
    'Query runner already released. Cannot run queries anymore.',
    'Database connection provided by a query runner was already released, cannot continue to use its querying methods anymore.',
  ])('recognises "%s", which has no code', (message) => {
    expect(isOutage(new Error(message))).toBe(true);
  });

  it('checks the errors of an AggregateError', () => {
    expect(isOutage(new AggregateError([withCode('ECONNREFUSED'), withCode('ECONNREFUSED')]))).toBe(true);
    expect(isOutage(new AggregateError([new Error('x')]))).toBe(false);
  });

  it('does not match the text of a statement', () => {
    expect(isOutage(withCode('42601', 'syntax error near "Connection terminated"'))).toBe(false);
  });

  it.each([undefined, null, 'ECONNREFUSED', { code: 'ECONNREFUSED' }])(
    'is false for %p, which is not an Error',
    (value) => {
      expect(isOutage(value)).toBe(false);
    },
  );
});

describe('toDomainError', () => {
  it('reports an outage without its details', () => {
    const cause = withCode('ECONNREFUSED', 'connect ECONNREFUSED 10.0.0.1:5432');
    const error = toDomainError(cause);
    expect(error).toBeInstanceOf(Unavailable);
    expect((error as Unavailable).message).not.toContain('10.0.0.1');
    expect((error as Unavailable).cause).toBe(cause);
  });

  it.each([
    ['53100', 'The disk of the database is full.'],
    ['53300', 'The database has no connection left.'],
    ['53200', 'The database is out of memory.'],
    ['53000', 'The database is out of resources.'],
    ['58030', 'The database cannot use its files.'],
    ['57P03', 'The database is starting or stopping.'],
    ['57P01', 'The database is starting or stopping.'],
    ['57014', 'The database took too long.'],
    ['25006', 'The database is read-only.'],
    ['EMFILE', 'The server has no file descriptors left.'],
    ['08006', 'The database does not answer.'],
    ['ECONNREFUSED', 'The database does not answer.'],
  ])('has a message for %s', (code, words) => {
    for (const error of [withCode(code), asQueryFailed(withCode(code)), new AggregateError([withCode(code)])])
      expect(toDomainError(error)).toMatchObject({ code: 'UNAVAILABLE', message: words });
  });

  it.each(['invalid input syntax for type json', 'ungültige Eingabesyntax für Typ json', 'json型の入力構文が不正です'])(
    'reports text that JSON cannot contain as invalid input, in any language of the server: %s',
    (message) => {
      expect(toDomainError(withCode('22P02', message))).toMatchObject({ code: 'INVALID_REQUEST' });
      expect(toDomainError(withCode('22P02', 'invalid input syntax for type integer'))).toMatchObject({
        code: '22P02',
      });
    },
  );

  it('returns unknown errors and domain errors unchanged', () => {
    const bug = withCode('42601');
    const known = new InvalidCursor();
    expect(toDomainError(bug)).toBe(bug);
    expect(toDomainError(known)).toBe(known);
  });
});

describe('isBlocked', () => {
  it.each(['55P03', '40P01'])('is true for %s, also inside an error of TypeORM', (code) => {
    expect(isBlocked(withCode(code))).toBe(true);
    expect(isBlocked(asQueryFailed(withCode(code)))).toBe(true);
  });

  it('is false for anything else', () => {
    expect(isBlocked(withCode('57014'))).toBe(false);
    expect(isBlocked(new Error('canceling statement due to lock timeout'))).toBe(false);
  });
});

describe('violatedUnique', () => {
  it('returns the constraint, or null for anything else', () => {
    const error = Object.assign(withCode('23505'), { constraint: 'projects_pkey' });
    expect(violatedUnique(asQueryFailed(error))).toBe('projects_pkey');
    expect(violatedUnique(error)).toBe('projects_pkey');
    expect(violatedUnique(withCode('23503'))).toBeNull();
  });
});
