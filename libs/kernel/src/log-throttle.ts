interface LastLog {
  at: number;
  suppressed: number;
}

/**
 * Admits one log line per kind and interval, and counts the suppressed ones, so that repeated failures do not flood the
 * log.
 */
export class LogThrottle {
  private readonly last = new Map<string, LastLog>();

  /** @param kindsMax number of kinds that are distinguished; all others count as one */
  constructor(
    private readonly everyMs: number,
    private readonly kindsMax = 100,
    private readonly now: () => number = () => performance.now(),
  ) {}

  /** Returns how many of the kind were suppressed since the last admitted one; null if this one is suppressed. */
  admit(kind: string): number | null {
    const known = this.last.has(kind) || this.last.size < this.kindsMax ? kind : '';
    const last = this.last.get(known);
    if (last !== undefined && this.now() - last.at < this.everyMs) {
      last.suppressed++;
      return null;
    }
    this.last.set(known, { at: this.now(), suppressed: 0 });
    return last?.suppressed ?? 0;
  }
}
