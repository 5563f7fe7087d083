import { canonicalJson } from './canonical-json.js';

describe('canonicalJson', () => {
  it('gives the text of RFC 8785, section 3.2.4', () => {
    const value = {
      numbers: [333333333.33333329, 1e30, 4.5, 2e-3, 0.000000000000000000000000001],
      string: '\u20ac$\u000F\u000aA\'\u0042\u0022\u005c\\"/',
      literals: [null, true, false],
    };
    expect(canonicalJson(value)).toBe(
      '{"literals":[null,true,false],"numbers":[333333333.3333333,1e+30,4.5,0.002,1e-27],' +
        '"string":"€$\\u000f\\nA\'B\\"\\\\\\\\\\"/"}',
    );
  });

  it('orders members by UTF-16 code units, section 3.2.3, at every depth', () => {
    const names = ['€', '\r', '\ufb33', '1', '\u{1f600}', '\u0080', 'ö'];
    const text = canonicalJson(Object.fromEntries(names.map((name) => [name, { b: 1, a: 2 }])));
    expect(Object.keys(JSON.parse(text) as object).length).toBe(7);
    expect([...text.matchAll(/"([^"]+)":\{/g)].map(([, name]) => name)).toEqual([
      '\\r',
      '1',
      '\u0080',
      'ö',
      '€',
      '\u{1f600}',
      '\ufb33',
    ]);
    expect(text).toContain('{"a":2,"b":1}');
  });

  it('leaves out what JSON leaves out', () => {
    expect(canonicalJson({ b: undefined, a: [] })).toBe('{"a":[]}');
  });
});
