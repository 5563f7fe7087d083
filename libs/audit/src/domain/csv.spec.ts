import { csvLine } from './csv.js';

describe('a line of CSV', () => {
  it('separates cells with commas and ends with CRLF', () => {
    expect(csvLine(['a', 1, null, ''])).toBe('a,1,,\r\n');
  });

  it.each([
    ['a comma', 'a,b', '"a,b"'],
    ['quotes', 'say "hi"', '"say ""hi"""'],
    ['a line end', 'a\nb', '"a\nb"'],
    ['a carriage return', 'a\rb', '"a\rb"'],
    ['JSON', '{"a":1}', '"{""a"":1}"'],
    ['spaces', ' a ', ' a '],
  ])('quotes only what needs it: %s', (_name, value, cell) => {
    expect(csvLine([value])).toBe(`${cell}\r\n`);
  });

  it.each([
    '=1+1',
    '+1',
    '-1',
    '@SUM(A1)',
    '\t=1',
    '＝1',
    '＋1',
    '－1',
    '＠x',
    ' =1',
    '\u00a0+1',
    '\ufeff=1',
    '\u200b@x',
    '\0-1',
  ])('has no cell that a spreadsheet runs as a formula: %j', (value) => {
    expect(csvLine([value])).toBe(`'${value}\r\n`);
  });

  it.each(['\r=1', '\n=1', '=HYPERLINK("http://x","y")'])('quotes such a cell, too: %j', (value) => {
    expect(csvLine([value])).toBe(`"'${value.replaceAll('"', '""')}"\r\n`);
  });

  it('leaves numbers as they are', () => {
    expect(csvLine([-1])).toBe('-1\r\n');
  });
});
