import { readFileSync } from 'node:fs';

/** Documents that name the test of each claim, and about how many they name at least. */
const DOCUMENTS = {
  'docs/concepts/guarantees.md': 30,
  'docs/concepts/security.md': 25,
  'docs/concepts/audit-records.md': 7,
  'docs/concepts/isolation.md': 10,
  'docs/guides/keys.md': 25,
  'docs/guides/policy.md': 10,
  'docs/reference/limits.md': 10,
};

/** `- \`file\`: name of a test`, or the beginning of it. */
const references = (document: string) =>
  [...readFileSync(document, 'utf8').matchAll(/^- `([^`]+)`: (.+)$/gm)].map(
    ([, file = '', name = '']) => [file, name] as const,
  );

describe.each(Object.entries(DOCUMENTS))('%s', (document, atLeast) => {
  it.each(references(document))('names a test that is there: %s: %s', (file, name) => {
    expect(readFileSync(file, 'utf8')).toContain(name);
  });

  it('names tests for its claims', () => {
    expect(references(document).length).toBeGreaterThan(atLeast);
  });
});
