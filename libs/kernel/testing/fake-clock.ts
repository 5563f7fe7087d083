import { Clock } from '../src/index.js';

/** Stands still until it is moved. */
export class FakeClock extends Clock {
  constructor(private current = new Date('2026-01-02T03:04:05.678Z')) {
    super();
  }

  now(): Date {
    return new Date(this.current);
  }

  advance(ms: number): void {
    this.current = new Date(this.current.getTime() + ms);
  }
}
