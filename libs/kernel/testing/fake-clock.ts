import { type Clock } from '../src/index.js';

/** Stands still until a test advances it. */
export class FakeClock implements Clock {
  differenceMs = 0;

  constructor(private current = new Date('2026-01-02T03:04:05.678Z')) {}

  now(): Date {
    return new Date(this.current);
  }

  advance(ms: number): void {
    this.current = new Date(this.current.getTime() + ms);
  }
}

/** The machine's clock, for tests whose database or cluster uses it too. */
export class SystemClock implements Clock {
  readonly differenceMs = 0;

  now(): Date {
    return new Date();
  }
}
