import 'reflect-metadata';
import { validateSync } from 'class-validator';
import { IsInstant, childPointer, malformed } from './input.js';

describe('malformed input', () => {
  const nested = (depth: number): unknown => (depth === 0 ? 1 : [nested(depth - 1)]);

  it.each<[unknown, string]>([
    ['a\ud800', '#'],
    [{ a: ['x', '\udfff'] }, '#/a/1'],
    [{ a: { 'x\ud800': 1 } }, '#/a'],
    [JSON.parse('{"a":{"__proto__":1}}'), '#/a/__proto__'],
    [{ 'a/b~': { constructor: 1 } }, '#/a~1b~0/constructor'],
    [{ labels: { toString: 'x' } }, '#/labels/toString'],
    [{ prototype: 1 }, '#/prototype'],
    [nested(17), `#${'/0'.repeat(16)}`],
    [{ env: Object.fromEntries(Array.from({ length: 1_001 }, (_, i) => [`N${i}`, ''])) }, '#/env'],
    [{ a: { argv: Array(4_097).fill('') } }, '#/a/argv'],
    [{ [`k${'x'.repeat(1_000)}`]: '\ud800' }, `#/k${'x'.repeat(99)}…`],
  ])('is refused at any position (%#)', (value, pointer) => {
    expect(malformed(value)).toEqual({ pointer, detail: expect.stringMatching(/./) });
  });

  it.each([null, 1, '', 'é💥', { a: [{ b: null }] }, nested(16), { tostring: 'x', then: 1, toJSON: 1 }])(
    'does not include merely unusual values (%#)',
    (value) => {
      expect(malformed(value)).toBeNull();
    },
  );

  it('does not overflow the stack, however deep it is', () => {
    let deep: unknown = 1;
    for (let i = 0; i < 100_000; i++) deep = [deep];
    expect(malformed(deep)).not.toBeNull();
  });

  it('is identified by a shortened pointer', () => {
    expect(childPointer('#', '\ud83d'.repeat(500)).length).toBeLessThan(120);
  });
});

describe('a time', () => {
  class Input {
    @IsInstant()
    at: unknown;
  }
  const isTaken = (at: unknown): boolean => validateSync(Object.assign(new Input(), { at })).length === 0;

  it.each([
    '2030-01-31T12:00:00Z',
    '2030-01-31T12:00Z',
    '2028-02-29T23:59:59.999999999+14:00',
    '2030-12-31T00:00:00-12:00',
    '1970-01-01T00:00:00Z',
    '9999-12-31T23:59:59Z',
  ])('is %s', (at) => {
    expect(isTaken(at)).toBe(true);
  });

  it.each([
    '2027-02-30T00:00:00Z',
    '2027-02-29T00:00:00Z',
    '2100-02-29T00:00:00Z',
    '2027-04-31T12:00:00+02:00',
    '2027-02-31T23:59:59-12:00',
    '2027-13-01T00:00:00Z',
    '2027-00-01T00:00:00Z',
    '2027-01-00T00:00:00Z',
    '2027-01-32T00:00:00Z',
    '2027-01-31T24:00:00Z',
    '2027-01-31T24:00Z',
    '2027-01-31T23:60:00Z',
    '2027-01-31T23:59:60Z',
    '2027-01-31T12:00:00+24:00',
    '2027-01-31T12:00:00+00:60',
    '2027-01-31T12:00:00',
    '2027-01-31',
    '1969-12-31T23:59:59Z',
    5,
    null,
  ])('is not %s', (at) => {
    expect(isTaken(at)).toBe(false);
  });
});
