import { readFileSync } from 'node:fs';

/** `- \`file\`: name of a test`, or the beginning of it. */
const references = [...readFileSync('docs/guarantees.md', 'utf8').matchAll(/^- `([^`]+)`: (.+)$/gm)].map(
  ([, file = '', name = '']) => [file, name] as const,
);

describe('docs/guarantees.md', () => {
  it.each(references)('names a test that is there: %s: %s', (file, name) => {
    expect(readFileSync(file, 'utf8')).toContain(name);
  });

  it('names tests for every promise', () => {
    expect(references.length).toBeGreaterThan(30);
  });
});
