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

describe('the estimated wait', () => {
  it('is the mean duration divided by the number of slots', () => {
    expect(wait({ position: 1 })).toBe(12);
    expect(wait({ position: 5 })).toBe(60);
    expect(wait({ position: 50 })).toBe(600);
    expect(wait({ position: 1, runningMax: 1, running: 1 })).toBe(60);
    expect(wait({ position: 3, running: 4 })).toBe(24);
  });

  it('is zero if a slot is free and the command was just queued', () => {
    expect(wait({ running: 0, waitedSeconds: 0 })).toBe(0);
    expect(wait({ running: 3, position: 2, waitedSeconds: 0, meanSeconds: null })).toBe(0);
  });

  it('is unknown if the command is held, there are no durations, or the replicas have no room', () => {
    expect(wait({ isHeld: true })).toBeNull();
    expect(wait({ meanSeconds: null })).toBeNull();
    expect(wait({ running: 0, waitedSeconds: 3 })).toBeNull();
  });

  it('treats more running commands than a lowered limit allows as no free slot', () => {
    expect(wait({ running: 9 })).toBe(12);
  });
});
