/** The time that all replicas share. A replica's own clock may be wrong, so it must not affect shared state. */
export abstract class Clock {
  abstract now(): Date;
  /** How far the clock of this machine is ahead of the shared time, in milliseconds; negative if it is behind. */
  abstract readonly differenceMs: number;
}
