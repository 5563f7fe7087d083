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
  ])('takes %s for an outage, also behind an error of TypeORM', (code) => {
    expect(isOutage(withCode(code))).toBe(true);
    expect(isOutage(asQueryFailed(withCode(code)))).toBe(true);
  });

  it.each(['23505', '22P02', '42601', '40001', 'ENOENT'])('takes %s for none', (code) => {
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
  ])('knows "%s", which has no code', (message) => {
    expect(isOutage(new Error(message))).toBe(true);
  });

  it('looks into what was tried one after the other', () => {
    expect(isOutage(new AggregateError([withCode('ECONNREFUSED'), withCode('ECONNREFUSED')]))).toBe(true);
    expect(isOutage(new AggregateError([new Error('x')]))).toBe(false);
  });

  it('does not take the text of a statement for its cause', () => {
    expect(isOutage(withCode('42601', 'syntax error near "Connection terminated"'))).toBe(false);
  });

  it.each([undefined, null, 'ECONNREFUSED', { code: 'ECONNREFUSED' }])(
    'takes %p, which is no error, for none',
    (value) => {
      expect(isOutage(value)).toBe(false);
    },
  );
});

describe('toDomainError', () => {
  it('says that the database does not answer, without its words', () => {
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
  ])('has words of its own for %s', (code, words) => {
    for (const error of [withCode(code), asQueryFailed(withCode(code)), new AggregateError([withCode(code)])])
      expect(toDomainError(error)).toMatchObject({ code: 'UNAVAILABLE', message: words });
  });

  it.each(['invalid input syntax for type json', 'ungültige Eingabesyntax für Typ json', 'json型の入力構文が不正です'])(
    'takes text that JSON cannot hold for wrong input, in the words of any server: %s',
    (message) => {
      expect(toDomainError(withCode('22P02', message))).toMatchObject({ code: 'INVALID_REQUEST' });
      expect(toDomainError(withCode('22P02', 'invalid input syntax for type integer'))).toMatchObject({
        code: '22P02',
      });
    },
  );

  it('leaves what it does not understand, and what is a domain error already', () => {
    const bug = withCode('42601');
    const known = new InvalidCursor();
    expect(toDomainError(bug)).toBe(bug);
    expect(toDomainError(known)).toBe(known);
  });
});

describe('isBlocked', () => {
  it.each(['55P03', '40P01'])('holds for %s, also inside of what TypeORM throws', (code) => {
    expect(isBlocked(withCode(code))).toBe(true);
    expect(isBlocked(asQueryFailed(withCode(code)))).toBe(true);
  });

  it('holds for nothing else', () => {
    expect(isBlocked(withCode('57014'))).toBe(false);
    expect(isBlocked(new Error('canceling statement due to lock timeout'))).toBe(false);
  });
});

describe('violatedUnique', () => {
  it('names the constraint, and is null for anything else', () => {
    const error = Object.assign(withCode('23505'), { constraint: 'projects_pkey' });
    expect(violatedUnique(asQueryFailed(error))).toBe('projects_pkey');
    expect(violatedUnique(error)).toBe('projects_pkey');
    expect(violatedUnique(withCode('23503'))).toBeNull();
  });
});
