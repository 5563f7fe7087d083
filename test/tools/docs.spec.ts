import { existsSync, readFileSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';
import { pages } from '../support/markdown-blocks.js';

const LINES_MAX = 250;

/** As GitHub names the headings of a page. */
function anchorsOf(page: string): string[] {
  const headings = readFileSync(page, 'utf8')
    .replace(/^```.*?^```$/gms, '')
    .matchAll(/^#+ (.+)$/gm);
  return [...headings].map(([, text = '']) =>
    text
      .toLowerCase()
      .replace(/[^\w\- ]/g, '')
      .replaceAll(' ', '-'),
  );
}

const linksOf = (page: string): string[] =>
  [...readFileSync(page, 'utf8').matchAll(/\]\(([^)\s]+)\)/g)].map(([, target = '']) => target);

describe('the documentation', () => {
  it('has pages that can be read at once', async () => {
    for (const page of (await pages()).filter((each) => !each.startsWith('docs/adr/')))
      expect([page, readFileSync(page, 'utf8').split('\n').length <= LINES_MAX]).toEqual([page, true]);
  });

  it('has links that lead somewhere', async () => {
    for (const page of ['README.md', 'CONTRIBUTING.md', 'helm/rdev/README.md', ...(await pages())]) {
      for (const link of linksOf(page).filter((each) => !/^[a-z]+:/.test(each))) {
        const [path = '', anchor = ''] = link.split('#');
        const target = path === '' ? page : normalize(join(dirname(page), path));
        const isThere = existsSync(target) && (anchor === '' || anchorsOf(target).includes(anchor));
        expect([page, link, isThere]).toEqual([page, link, true]);
      }
    }
  });

  it('is listed on its first page', async () => {
    const listed = linksOf('docs/README.md').map((link) => normalize(join('docs', link)));
    const others = (await pages()).filter((page) => page !== 'docs/README.md' && !page.startsWith('docs/adr/'));
    expect(others.filter((page) => !listed.includes(page))).toEqual([]);
  });
});
