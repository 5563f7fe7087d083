import { Seldom } from './seldom.js';

describe('Seldom', () => {
  it('lets one of a kind through in the time, and tells how many it kept back', () => {
    let now = 0;
    const seldom = new Seldom(1_000, 100, () => now);
    expect(seldom.admit('full')).toBe(0);
    for (let i = 0; i < 500; i++) expect(seldom.admit('full')).toBeNull();
    expect(seldom.admit('away')).toBe(0);
    now = 1_000;
    expect(seldom.admit('full')).toBe(500);
    expect(seldom.admit('full')).toBeNull();
    now = 2_000;
    expect(seldom.admit('full')).toBe(1);
  });

  it('keeps a bounded number of kinds apart', () => {
    const seldom = new Seldom(1_000, 2, () => 0);
    const through = ['a', 'b', 'c', 'd', 'e', 'a'].map((kind) => seldom.admit(kind));
    expect(through).toEqual([0, 0, 0, null, null, null]);
  });
});
