import { aRequest } from '../testing/index.js';
import { checkCommandId, encodeRequest, millis } from './encode-request.js';

describe('encodeRequest', () => {
  it('counts the lines of each value', () => {
    const request = aRequest({
      program: { argv: ['a', 'two\nlines', ''] },
      env: { X: '1' },
      cwd: null,
      fallbackCwd: '/w',
    });
    expect(encodeRequest(request).meta.toString()).toBe(
      [
        '60000 0 1000 67108864 0 none argv',
        '0',
        '1',
        '/w',
        '1',
        '1',
        'X=1',
        '3',
        '1',
        'a',
        '2',
        'two',
        'lines',
        '1',
        '',
        '',
      ].join('\n'),
    );
  });

  it('keeps script and stdin as they are', () => {
    const { script, stdin } = encodeRequest(
      aRequest({ program: { script: 'ü\0' }, stdin: { kind: 'text', text: 'x\n' } }),
    );
    expect([script.toString(), stdin.toString()]).toEqual(['ü\0', 'x\n']);
  });

  it.each([
    { program: { argv: [] } },
    { program: { argv: ['a\0b'] } },
    { env: { '': 'x' } },
    { env: { 'a=b': 'x' } },
    { env: { A: 'x\0' } },
    { cwd: '/\0' },
  ])('refuses what the kernel could not take: %j', (over) => {
    expect(() => encodeRequest(aRequest(over))).toThrow(RangeError);
  });

  it.each(['', '.', '../x', 'a/b', '-x', 'a b', 'x\n', 'x'.repeat(101)])('refuses the id %j', (id) => {
    expect(() => checkCommandId(id)).toThrow(RangeError);
  });

  it('rounds up to whole milliseconds within bounds', () => {
    expect([millis(0.0001), millis(-1), millis(Infinity)]).toEqual([1, 0, 1e12]);
  });
});
