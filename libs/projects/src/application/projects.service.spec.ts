import { InvalidCursor, PAGE_BYTES_MAX, encodeCursor } from '@app/kernel';
import { aCaller } from '@app/kernel/testing';
import { aProject, projectsWithFakes } from '@app/projects/testing';
import type { ObservedProject } from '../domain/project.js';

const LARGE = Object.fromEntries(Array.from({ length: 64 }, (_, i) => [`l${String(i)}`, '\u0001'.repeat(256)]));

function aPod(id: string, traits: Partial<ObservedProject> = {}): ObservedProject {
  const { name, status, reason, labels, createdAt, image } = aProject({ id });
  return { id, name, status, reason, labels, createdAt, image, pod: id, node: 'n1', ...traits };
}

describe('a list of projects created by rdev and of other pods', () => {
  const caller = aCaller();
  let site: ReturnType<typeof projectsWithFakes>;
  beforeEach(() => {
    site = projectsWithFakes();
  });

  const at = (second: number) => new Date(1_700_000_000_000 + second * 1_000);
  const made = (id: string, second: number, labels = {}) =>
    site.projects.seed(aProject({ id, labels, createdAt: at(second) }));
  const seen = (id: string, second: number, traits: Partial<ObservedProject> = {}) =>
    site.runtime.seen.set(id, aPod(id, { createdAt: at(second), ...traits }));

  async function pages(limit: number, who = caller): Promise<string[][]> {
    const all: string[][] = [];
    for (let cursor: string | undefined; ;) {
      const page = await site.service.list({ labels: {} }, { limit, cursor }, who);
      expect(Buffer.byteLength(JSON.stringify(page))).toBeLessThan(PAGE_BYTES_MAX + 200);
      all.push(page.data.map(({ id, managed }) => `${id}${managed ? '' : '*'}`));
      if (page.nextCursor === null) return all;
      cursor = page.nextCursor;
    }
  }

  it('is in one order, without duplicates, page by page', async () => {
    for (const [id, second] of [
      ['a', 1],
      ['c', 3],
      ['e', 5],
    ] as const)
      made(id, second);
    for (const [id, second] of [
      ['b', 2],
      ['d', 3],
      ['f', 6],
      ['a', 9],
    ] as const)
      seen(id, second);
    const order = ['f*', 'e', 'd*', 'c', 'b*', 'a'];
    for (const limit of [1, 2, 3, 5, 6, 7]) {
      const found = await pages(limit);
      expect(found.flat()).toEqual(order);
      expect(found).toHaveLength(Math.ceil(order.length / limit));
    }
  });

  it('ends a page early if it is large, without losing projects in between', async () => {
    const order: string[] = [];
    for (let i = 40; i > 0; i--) {
      const id = `p${String(i)}`;
      if (i % 3 === 0) seen(id, i, { labels: LARGE });
      else made(id, i, LARGE);
      order.push(i % 3 === 0 ? `${id}*` : id);
    }
    const found = await pages(200);
    expect(found.flat()).toEqual(order);
    expect(found.length).toBeGreaterThan(3);
  });

  it('contains only what the caller may see', async () => {
    for (const id of ['team-a', 'team-b', 'other']) made(id, 1);
    for (const id of ['team-pod', 'pod']) seen(id, 2);
    expect(await pages(2, aCaller({ projects: ['team-*'] }))).toEqual([['team-pod*', 'team-b'], ['team-a']]);
    expect(await pages(2, aCaller({ projects: [] }))).toEqual([[]]);
  });

  it.each([[1e20], [-1], [Number.MAX_SAFE_INTEGER]])('refuses a cursor with an invalid time: %d', async (time) => {
    const list = site.service.list({ labels: {} }, { limit: 1, cursor: encodeCursor([time, 'a']) }, caller);
    await expect(list).rejects.toThrow(InvalidCursor);
  });
});
