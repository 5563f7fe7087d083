import { type Candidate, Scheduler } from './scheduler.js';

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

/** The indexes of the admitted candidates. */
function chosen(candidates: readonly Partial<Candidate>[], slots = 10): number[] {
  const scheduler = new Scheduler(slots, MAX_IN_PROJECT);
  return candidates.flatMap((traits, i) => (scheduler.tryAdmit(candidate(traits)) ? [i] : []));
}

describe('Scheduler', () => {
  it('admits in order, until there are no more slots', () => {
    const scheduler = new Scheduler(2, 10);
    expect([1, 2, 3].map(() => scheduler.tryAdmit(candidate()))).toEqual([true, true, false]);
    expect(scheduler.isFull).toBe(true);
    expect(scheduler.ids).toHaveLength(2);
    expect(new Scheduler(0, 10).isFull).toBe(true);
  });

  it('counts running and newly admitted commands, by project and by key', () => {
    expect(chosen([{}, {}, {}, { projectId: 'p2' }])).toEqual([0, 1, 3]);
    expect(chosen([{ projectRunning: 1 }, { projectRunning: 1 }])).toEqual([0]);
    expect(chosen([{ projectRunning: 5 }])).toEqual([]);
    const limited = { keyMax: 2, keyRunning: 1 };
    expect(chosen([{ ...limited }, { ...limited, projectId: 'p2' }, { keyId: 'k2', projectId: 'p2' }])).toEqual([0, 2]);
    expect(chosen([{ keyMax: 0 }])).toEqual([]);
  });

  it('admits one command per lock, and one of the same lock in another project', () => {
    const lock = 'deploy';
    expect(chosen([{ lock }, { lock }, { lock: 'other' }, { lock, projectId: 'p2' }])).toEqual([0, 2, 3]);
  });

  it('skips candidates that cannot run, which then take nothing from others', () => {
    const stuck = { keyMax: 1, keyRunning: 1, lock: 'one' };
    expect(chosen([stuck, { keyId: 'k2', lock: 'one' }, { keyId: 'k2' }])).toEqual([1, 2]);
  });

  it('reserves for an aged command of a limited key the slot and the lock that it is not waiting for', () => {
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

  it('reserves for only one command per project and per key, and for none without a limit', () => {
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

  it('treats commands without a key as those of one key', () => {
    expect(
      chosen([
        { keyId: null, keyMax: 1 },
        { keyId: null, keyMax: 1, projectId: 'p2' },
      ]),
    ).toEqual([0]);
  });
});
