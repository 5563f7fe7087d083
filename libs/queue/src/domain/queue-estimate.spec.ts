import { type Waiting, estimatedWaitSeconds } from './queue-estimate.js';

const wait = (traits: Partial<Waiting>): number | null =>
  estimatedWaitSeconds({
    position: 1,
    waitedSeconds: 10,
    isHeld: false,
    running: 5,
    runningMax: 5,
    meanSeconds: 60,
    ...traits,
  });

describe('the estimate of the wait', () => {
  it('is the mean duration, shared by the slots', () => {
    expect(wait({ position: 1 })).toBe(12);
    expect(wait({ position: 5 })).toBe(60);
    expect(wait({ position: 50 })).toBe(600);
    expect(wait({ position: 1, runningMax: 1, running: 1 })).toBe(60);
    expect(wait({ position: 3, running: 4 })).toBe(24);
  });

  it('is nothing where a slot is free and it was just queued', () => {
    expect(wait({ running: 0, waitedSeconds: 0 })).toBe(0);
    expect(wait({ running: 3, position: 2, waitedSeconds: 0, meanSeconds: null })).toBe(0);
  });

  it('is unknown where nobody can know: held, no durations, no room on a replica', () => {
    expect(wait({ isHeld: true })).toBeNull();
    expect(wait({ meanSeconds: null })).toBeNull();
    expect(wait({ running: 0, waitedSeconds: 3 })).toBeNull();
  });

  it('takes more running commands than allowed, after the limit was lowered, as no free slot', () => {
    expect(wait({ running: 9 })).toBe(12);
  });
});
