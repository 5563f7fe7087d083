import { type Candidate, Choice } from './choice.js';

const MAX_IN_PROJECT = 2;

let ids = 0;
const candidate = (traits: Partial<Candidate> = {}): Candidate => ({
  id: `c${ids++}`,
  projectId: 'p1',
  keyId: 'k1',
  lock: null,
  isAged: false,
  projectRunning: 0,
  keyRunning: 0,
  keyMax: null,
  ...traits,
});

/** Which of the candidates are chosen, by their place. */
function chosen(candidates: readonly Partial<Candidate>[], slots = 10): number[] {
  const choice = new Choice(slots, MAX_IN_PROJECT);
  return candidates.flatMap((traits, i) => (choice.offer(candidate(traits)) ? [i] : []));
}

describe('the choice of what runs next', () => {
  it('takes what comes first, until there are no more slots', () => {
    const choice = new Choice(2, 10);
    expect([1, 2, 3].map(() => choice.offer(candidate()))).toEqual([true, true, false]);
    expect(choice.isFull).toBe(true);
    expect(choice.ids).toHaveLength(2);
    expect(new Choice(0, 10).isFull).toBe(true);
  });

  it('counts what runs and what it has chosen itself, by project and by key', () => {
    expect(chosen([{}, {}, {}, { projectId: 'p2' }])).toEqual([0, 1, 3]);
    expect(chosen([{ projectRunning: 1 }, { projectRunning: 1 }])).toEqual([0]);
    expect(chosen([{ projectRunning: 5 }])).toEqual([]);
    const limited = { keyMax: 2, keyRunning: 1 };
    expect(chosen([{ ...limited }, { ...limited, projectId: 'p2' }, { keyId: 'k2', projectId: 'p2' }])).toEqual([0, 2]);
    expect(chosen([{ keyMax: 0 }])).toEqual([]);
  });

  it('takes one command of a lock, and of the same lock elsewhere another', () => {
    const lock = 'deploy';
    expect(chosen([{ lock }, { lock }, { lock: 'other' }, { lock, projectId: 'p2' }])).toEqual([0, 2, 3]);
  });

  it('passes over what cannot run, and lets that take nothing from others', () => {
    const stuck = { keyMax: 1, keyRunning: 1, lock: 'one' };
    expect(chosen([stuck, { keyId: 'k2', lock: 'one' }, { keyId: 'k2' }])).toEqual([1, 2]);
  });

  it('keeps for an aged command of a limited key the slot and the lock that it does not wait for', () => {
    const aged = { isAged: true, keyMax: 1, keyRunning: 1, lock: 'one' };
    expect(chosen([aged, { keyId: 'k2', lock: 'one' }, { keyId: 'k2' }, { keyId: 'k2' }])).toEqual([2]);
    // Its key's slot, while it waits for its project.
    expect(
      chosen([
        { isAged: true, keyMax: 1, projectRunning: 2 },
        { keyMax: 1, projectId: 'p2' },
      ]),
    ).toEqual([]);
  });

  it('keeps it for one in each project and of each key only, and for none without a limit', () => {
    const aged = { isAged: true, keyMax: 1, keyRunning: 1 };
    expect(chosen([aged, aged, { keyId: 'k2' }])).toEqual([2]);
    expect(chosen([aged, { ...aged, keyId: 'k2' }, { keyId: 'k3' }])).toEqual([2]);
    expect(
      chosen([
        { isAged: true, projectRunning: 2, lock: 'one' },
        { projectId: 'p1', lock: 'one' },
      ]),
    ).toEqual([1]);
  });

  it('takes commands without a key as those of one key', () => {
    expect(
      chosen([
        { keyId: null, keyMax: 1 },
        { keyId: null, keyMax: 1, projectId: 'p2' },
      ]),
    ).toEqual([0]);
  });
});
