import { childPointer, malformed } from './input.js';

describe('what no route takes', () => {
  const nested = (depth: number): unknown => (depth === 0 ? 1 : [nested(depth - 1)]);

  it.each<[unknown, string]>([
    ['a\ud800', '#'],
    [{ a: ['x', '\udfff'] }, '#/a/1'],
    [{ a: { 'x\ud800': 1 } }, '#/a'],
    [JSON.parse('{"a":{"__proto__":1}}'), '#/a/__proto__'],
    [{ 'a/b~': { constructor: 1 } }, '#/a~1b~0/constructor'],
    [nested(17), `#${'/0'.repeat(16)}`],
    [{ [`k${'x'.repeat(1_000)}`]: '\ud800' }, `#/k${'x'.repeat(99)}…`],
  ])('is refused wherever it stands (%#)', (value, pointer) => {
    expect(malformed(value)).toEqual({ pointer, detail: expect.stringMatching(/./) });
  });

  it.each([null, 1, '', 'é💥', { a: [{ b: null }] }, nested(16), { toString: 'x', prototype: 1 }])(
    'is not what merely looks odd (%#)',
    (value) => {
      expect(malformed(value)).toBeNull();
    },
  );

  it('does not end the stack, however deep it is', () => {
    let deep: unknown = 1;
    for (let i = 0; i < 100_000; i++) deep = [deep];
    expect(malformed(deep)).not.toBeNull();
  });

  it('is named by a pointer that is no longer than it must be', () => {
    expect(childPointer('#', '\ud83d'.repeat(500)).length).toBeLessThan(120);
  });
});
