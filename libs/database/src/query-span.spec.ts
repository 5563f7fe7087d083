import { describeStatement } from './query-span.js';

describe('the span of a statement', () => {
  it.each([
    ['SELECT 1', 'SELECT'],
    ['SELECT id, (SELECT count(*) FROM b) FROM a', 'SELECT b'],
    ['SELECT id, ARRAY(SELECT json_array_elements_text(x) FROM unnest (y)) FROM commands', 'SELECT commands'],
    ['SELECT * FROM commands WHERE id = $1 FOR UPDATE SKIP LOCKED', 'SELECT commands'],
    ['UPDATE commands SET a = 1 WHERE id IN (SELECT id FROM b FOR NO KEY UPDATE SKIP LOCKED)', 'UPDATE commands'],
    ['DELETE FROM deliveries WHERE id = ANY($1)', 'DELETE deliveries'],
    ['INSERT INTO a (x) VALUES ($1) ON CONFLICT (x) DO UPDATE SET x = 1', 'INSERT a'],
    [
      'WITH q AS (SELECT 1), e AS (INSERT INTO queued_commands SELECT * FROM q) INSERT INTO commands SELECT * FROM e',
      'INSERT commands',
    ],
    ['SET LOCAL statement_timeout = 1', 'SQL'],
  ])('%s: %s', (sql, summary) => {
    expect(describeStatement(sql).summary).toBe(summary);
  });

  it('takes no time to speak of for a long statement', () => {
    const sql = `WITH a AS (SELECT 1) ${'UPDATE x SET y = 1 WHERE z IN (SELECT 1 FROM b) '.repeat(2_000)}`;
    expect(describeStatement(sql).operation).toBe('UPDATE');
  });
});
