import { parseBody } from './json-body.js';

const names = (count: number): string => `{${Array.from({ length: count }, (_, i) => `"${i.toString(36)}":1`).join()}}`;
const elements = (count: number, of = '1'): string => `[${Array(count).fill(of).join()}]`;
const parse = (text: string) => parseBody(Buffer.from(text));

/** The minimum of several runs, as other processes use the CPU too. */
function leastMs(work: () => unknown): number {
  const times = Array.from({ length: 5 }, () => {
    const since = performance.now();
    try {
      work();
    } catch {
      // It may be refused.
    }
    return performance.now() - since;
  });
  return Math.min(...times);
}

describe('a body', () => {
  it.each([
    '{}',
    '{"a":["]","\\"",",,,","\\\\"]}',
    ` {"é": {"x": null}} `,
    JSON.stringify({
      argv: Array(4_096).fill(',[{'),
      env: JSON.parse(names(1_000)),
      labels: JSON.parse(names(64)),
    }),
  ])('may be any object (%#)', (text) => {
    expect(parse(text)).toEqual(JSON.parse(text));
  });

  it('may begin with a byte order mark', () => {
    expect(parse('\ufeff{"a":1}')).toEqual({ a: 1 });
  });

  it.each<[name: string, text: string, pointer: string]>([
    ['names', names(115_000), '#'],
    ['names in a field', `{"type":"shell","env":${names(115_000)},"labels":{}}`, '#/env'],
    ['names in an element', `{"argv":["a",${names(115_000)}]}`, '#/argv'],
    ['names of one length with others in between', `{"a":${elements(4_000)},"b":${elements(4_500)}}`, '#/b'],
    ['names that are all the same', `{${Array(9_000).fill('"a":1').join()}}`, '#'],
    ['elements', `{"argv":${elements(500_000)}}`, '#/argv'],
    ['elements outside any object', elements(500_000), '#'],
    ['empty objects', `{"a/b~":${elements(300_000, '{}')}}`, '#/a~1b~0'],
    ['empty arrays', `{"a":${elements(300_000, '[]')}}`, '#/a'],
    ['levels', `{"a":${'['.repeat(500_000)}${']'.repeat(500_000)}}`, '#/a'],
    ['levels that never end', '['.repeat(1_048_576), '#'],
    ['names after a long one', `{"${'n'.repeat(900_000)}":${names(9_000)}}`, `#/${'n'.repeat(100)}…`],
  ])('is refused with too many %s', (_name, text, pointer) => {
    expect(() => parse(text)).toThrow(
      expect.objectContaining({ errors: [{ pointer, detail: expect.stringContaining('8192 names and elements') }] }),
    );
  });

  it.each<[text: string, pointer: string]>([
    ['{"script":"true","script":"false"}', '#/script'],
    ['{"a":1,"b":[{"c":1},{"x/y":1, "x/y" : 1}]}', '#/b/1/x~1y'],
    ['{"env":{"A":"1","\\u0041":"2"}}', '#/env/A'],
    ['{"a":1,"b":{"a":1},"c":"a","a":2,"b":1}', '#/a'],
    ['{"é":1,"\\u00e9":1}', '#/é'],
  ])('is refused with a duplicate name, of which one would be ignored: %s', (text, pointer) => {
    expect(() => parse(text)).toThrow(
      expect.objectContaining({ errors: [{ pointer, detail: 'must not be repeated' }] }),
    );
  });

  it.each(['{"a":{"a":{"a":"a:a"}},"b":["a","a",{"a":1},{"a":1}]}', '{"a":"\\"a\\":","b":"\\\\"}'])(
    'may repeat a name in several objects, and as a value: %s',
    (text) => {
      expect(parse(text)).toEqual(JSON.parse(text));
    },
  );

  it.each(['', ' ', '{', '{"a":"', '{"a":"\\', '"', ']', '{}}', '{"a":1,}', '{"a":1,"a"::1}', 'nul'])(
    'is not JSON: %j',
    (text) => {
      expect(() => parse(text)).toThrow('The body is not valid JSON.');
    },
  );

  it.each(['[]', 'null', '1', '"a"', '[{}]'])('is not an object: %j', (text) => {
    expect(() => parse(text)).toThrow(
      expect.objectContaining({ errors: [{ pointer: '#', detail: expect.stringMatching(/object/) }] }),
    );
  });

  it.each([
    [0xff, 0xfe, 0x7b, 0, 0x7d, 0],
    [0x7b, 0x22, 0xc3, 0x22, 0x3a, 0x31, 0x7d],
    [0xed, 0xa0, 0x80],
  ])('is not UTF-8 (%#)', (...bytes) => {
    expect(() => parseBody(Buffer.from(bytes))).toThrow('The body is not valid UTF-8.');
  });

  it.each([
    ['names', names(115_000)],
    ['colons', `{"a"${':'.repeat(1_000_000)}`],
    ['colons after a long name', `{"${'n'.repeat(500_000)}"${':'.repeat(500_000)}`],
    ['levels', '['.repeat(1_000_000)],
    ['quotes', '"'.repeat(1_000_000)],
    ['escapes', `{"${'\\'.repeat(1_000_000)}`],
  ])('of %s is refused about as fast as one of that size is parsed', (_what, text) => {
    const refused = Buffer.from(text);
    const read = Buffer.from(JSON.stringify({ script: 'x'.repeat(refused.length - 20) }));
    expect(leastMs(() => parseBody(refused))).toBeLessThan(100 * leastMs(() => parseBody(read)));
  });
});
