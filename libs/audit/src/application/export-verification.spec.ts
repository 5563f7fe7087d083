import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { createInterface } from 'node:readline';
import { GENESIS, type LogRecord, jsonLine, sealAll } from '@app/kernel';
import { ExportVerifier } from './export-verification.js';

const hasPython = spawnSync('python3', ['--version']).status === 0;
/** One process for all files: it runs the script on each. */
const RUN_EACH = `
import runpy, sys
for name in sys.argv[1:]:
    sys.argv[1:] = [name]
    try:
        runpy.run_path("docs/concepts/verify_audit.py", run_name="__main__")
    except SystemExit as end:
        print(end)
`;

const record = (seq: number, data: object, type = 'thing.happened'): LogRecord => ({
  seq,
  id: `evt_${String(seq)}`,
  type,
  at: new Date(1_700_000_000_000 + seq),
  projectId: null,
  target: 'x',
  outcome: 'allowed',
  actor: { keyId: null, ip: null, userAgent: null, requestId: null, traceId: null },
  data: data as LogRecord['data'],
  details: null,
});

function exported(...data: readonly LogRecord[]): string[] {
  let previousHash = GENESIS.toString('hex');
  return sealAll(GENESIS, data).map(({ hash, ...rest }) => {
    const line = jsonLine({ ...rest, previousHash, hash: hash.toString('hex') });
    previousHash = hash.toString('hex');
    return line;
  });
}

/** Null: nothing is wrong; a text: what is. */
async function verify(text: string, isPartial = false): Promise<string | null> {
  const lines = createInterface({ input: Readable.from([text]), crlfDelay: Infinity });
  try {
    const { fault } = await new ExportVerifier({ keys: [], kept: [], isPartial }).verify(lines);
    return fault && `${fault.reason} ${String(fault.seq)}`;
  } catch (error) {
    return (error as Error).message;
  }
}

describe('an export', () => {
  const lines = exported(record(1, {}), record(2, { n: 2 ** 53 }), record(3, {}), record(4, { a: 1 }));
  const whole = lines.join('\n');
  const noRecord = (line: number): string =>
    `The line ${String(line)} is not a record of an export, or not a whole one.`;

  const good: Record<string, string> = {
    'with CRLF': `${lines.join('\r\n')}\r\n`,
    'with a byte order mark': `\ufeff${whole}\n`,
    'with empty lines': `\n\n${lines.join('\n \n')}\n`,
    'without a last line end': whole,
    'that begins in the middle': lines.slice(2).join('\n'),
    'that is empty': '',
    'that another program has written again': lines
      .map((line) => JSON.stringify(JSON.parse(line), null, 1).replaceAll('\n', ' '))
      .join('\n'),
    'with a number in another spelling': whole.replace('"seq":2,', '"seq":2.0,'),
    'with escapes and the names in another order': lines
      .map((line) => JSON.stringify(Object.fromEntries(Object.entries(JSON.parse(line) as object).reverse())))
      .map((line) => line.replaceAll('x', '\\u0078'))
      .join('\n'),
    'with every kind of text': exported(
      record(1, {
        a: '\0\u001f\u007f"\\',
        b: '\u0085\u2028\u2029',
        c: '😀',
        d: 'é',
        e: 'e\u0301',
        f: 'x'.repeat(100_000),
      }),
      record(2, { '': '', '😀': 1, '\uffff': { b: [], a: {} }, ﬀ: null, '10': 1, '9': 2 }),
      record(3, JSON.parse('{"__proto__":{"a":1},"constructor":2}')),
    ).join('\n'),
    'with every kind of number': exported(
      record(1, { n: [-0, 1e21, 1e20, 123456789012345680000, 1.5, 1e-7, 1e-6, 0.1, 5e-324, -1.5e-10, 2 ** 53 + 2] }),
    ).join('\n'),
  };
  const bad: Record<string, readonly [text: string, found: string]> = {
    'that was cut off': [whole.slice(0, -30), noRecord(4)],
    'with another text at the end': [`${whole}\nhello`, noRecord(5)],
    'with null at the end': [`${whole}\nnull`, noRecord(5)],
    'with a list at the end': [`${whole}\n[]`, noRecord(5)],
    'with a number at the end': [`${whole}\n5`, noRecord(5)],
    'with an empty object at the end': [`${whole}\n{}`, noRecord(5)],
    'in another order': [[lines[0], lines[2], lines[1], lines[3]].join('\n'), 'missing 2'],
    'without a first seal': [whole.replace(/"previousHash":"\w*"/, '"previousHash":null'), 'changed 1'],
    'with another seal before a record': [
      [lines[0], lines[1], lines[2]?.replace(/("previousHash":")\w{2}/, '$1zz')].join('\n'),
      'changed 3',
    ],
    'with a false seal before a record': [
      [lines[0], lines[1], lines[2]?.replace(/("previousHash":")\w*/, `$1${'0'.repeat(64)}`)].join('\n'),
      'changed 3',
    ],
    'without a seal': [whole.replace(/"hash":"\w*"/, '"hash":null'), 'unsealed 1'],
    'with more after a seal': [whole.replace(/("hash":"\w*)"/, '$1zz"'), 'changed 1'],
    'with a time in another spelling': [whole.replace('.001Z', '.001+00:00'), 'changed 1'],
    'with a time that is none': [whole.replace(/"at":"[^"]*"/, '"at":"soon"'), 'changed 1'],
    'with a number that others read differently': [
      whole.replace(`${2 ** 53}`, `${2 ** 53}`.replace(/2$/, '3')),
      'changed 2',
    ],
    'with a number that is more precise than it was': [
      whole.replace('"a":1', '"a":1.00000000000000000001'),
      'changed 4',
    ],
    'with a position that is a text': [whole.replace('"seq":2,', '"seq":"2",'), noRecord(2)],
    'with an infinite position': [whole.replace('"seq":1,', '"seq":1e400,'), noRecord(1)],
    'with a member twice': [whole.replace('"target":"x"', '"target":"forged","target":"x"'), 'changed 1'],
    'with a member that is not sealed': [whole.replace('"target":"x"', '"target":"x","note":"forged"'), 'changed 1'],
    'with a false checkpoint': [
      exported(
        record(1, {}),
        record(
          2,
          { seq: 1, hash: '00', at: '2026-01-01T00:00:00.000Z', keyId: 'k', signature: '', installId: '' },
          'audit.checkpoint',
        ),
      ).join('\n'),
      'checkpoint 1',
    ],
    'with a checkpoint that is none': [
      exported(record(1, { seq: [1] }, 'audit.checkpoint')).join('\n'),
      'checkpoint 1',
    ],
  };

  it.each(Object.entries(good))('%s is right', async (_name, text) => {
    expect(await verify(text)).toBeNull();
  });

  it.each(Object.entries(bad))('%s is not', async (_name, [text, found]) => {
    expect(await verify(text)).toBe(found);
  });

  it('that was filtered has its order', async () => {
    const [first, second, third, fourth] = lines;
    expect(await verify([first, third, fourth].join('\n'), true)).toBeNull();
    expect(await verify([first, third, second].join('\n'), true)).toBe('repeated 2');
    expect(await verify([first, third, third].join('\n'), true)).toBe('repeated 3');
  });

  (hasPython ? it : it.skip)(
    'is verified by the Python of the documentation with the same result',
    () => {
      const directory = mkdtempSync(join(tmpdir(), 'rdev-export-'));
      try {
        const texts = [...Object.values(good), ...Object.values(bad).map(([text]) => text)];
        const files = texts.map((text, i) => {
          writeFileSync(join(directory, String(i)), text);
          return join(directory, String(i));
        });
        const { stdout, stderr } = spawnSync('python3', ['-c', RUN_EACH, ...files], { encoding: 'utf8' });
        expect(stderr).toBe('');
        const results = stdout.trim().split('\n');
        const names = [...Object.keys(good), ...Object.keys(bad)];
        const isRight = names.map((name, i) => [name, results[i]?.startsWith('verified up to') ?? null]);
        expect(isRight).toEqual(names.map((name) => [name, name in good]));
      } finally {
        rmSync(directory, { recursive: true });
      }
    },
    30_000,
  );
});
