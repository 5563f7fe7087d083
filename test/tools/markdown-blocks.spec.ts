import { readFileSync } from 'node:fs';
import { blocksOf, pages, shows } from '../support/markdown-blocks.js';

const fence = (language: string, text: string) => `\`\`\`${language}\n${text}\n\`\`\`\n`;

describe('the blocks of a page', () => {
  it('are run unless a comment right before them says why not', () => {
    const page = `A.\n\n${fence('sh', 'one')}\n<!-- not run: needs a cluster -->\n\n${fence('sh', 'two')}\nB.\n\n${fence('sh', 'three')}`;
    expect(blocksOf(page).map(({ script, notRun }) => [script, notRun])).toEqual([
      ['one\n', null],
      ['two\n', 'needs a cluster'],
      ['three\n', null],
    ]);
    expect(blocksOf(`<!-- not run: -->\n\n${fence('sh', 'one')}`)[0]?.notRun).toBeNull();
  });

  it('have the output that follows without a word between', () => {
    const page = `${fence('sh', 'one')}\n${fence('', 'first\nsecond')}\nA picture:\n\n${fence('', 'a -> b')}`;
    expect(blocksOf(page).map(({ output }) => output)).toEqual(['first\nsecond\n']);
  });

  it('are in a language that is known', () => {
    expect(() => blocksOf(fence('cobol', 'STOP'))).toThrow('Line 1');
  });
});

describe('what a page shows', () => {
  it('is in the output, anything in place of an ellipsis', () => {
    expect(shows('x\n{"id":"cmd_1","status":"queued"}\ny\n', '{"id":"cmd_…",…"queued"}\n')).toBe(true);
    expect(shows('a\nz\nb\n', 'a\n…\nb')).toBe(true);
    expect(shows('{"id":"cmd_1","status":"failed"}', '{"id":"cmd_…","status":"queued"}')).toBe(false);
  });
});

it('the pages have blocks that say why they are not run only where a reader needs more than rdev', async () => {
  const files = ['README.md', ...(await pages())];
  const reasons = files.flatMap((page) => blocksOf(readFileSync(page, 'utf8')).flatMap(({ notRun }) => notRun ?? []));
  expect([...new Set(reasons)].sort()).toMatchInlineSnapshot(`
    [
      "needs a cluster",
      "needs a copy of the database",
      "needs the database of an install",
      "the first one runs rdev, the second one runs this",
    ]
  `);
});
