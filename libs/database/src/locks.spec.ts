import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { LOCKS } from './locks.js';

const KEY = /\b7_?236_?\d{3}\b/g;
const sources = readdirSync('libs', { recursive: true, encoding: 'utf8' })
  .filter((name) => /\/src\/.*\.ts$/.test(name) && !name.endsWith('.spec.ts'))
  .map((name) => join('libs', name));

describe('advisory locks', () => {
  it('have unique keys', () => {
    const keys = Object.values(LOCKS);
    expect(new Set(keys).size).toBe(keys.length);
  });

  it('are all listed in LOCKS', () => {
    const elsewhere = sources.flatMap((file) =>
      (readFileSync(file, 'utf8').match(KEY) ?? []).map((key) => [file, Number(key.replaceAll('_', ''))]),
    );
    expect(elsewhere.filter(([file]) => file !== 'libs/database/src/locks.ts')).toEqual([
      ['libs/embedded-postgres/src/embedded-postgres.ts', LOCKS.embeddedOwner],
    ]);
  });

  it('are taken by a name in LOCKS', () => {
    const asking = sources.filter((file) => /pg_(try_)?advisory_(xact_)?lock\(/.test(readFileSync(file, 'utf8')));
    expect(asking.filter((file) => !/\bLOCKS\.\w+/.test(readFileSync(file, 'utf8')))).toEqual([
      'libs/embedded-postgres/src/embedded-postgres.ts',
    ]);
  });
});
