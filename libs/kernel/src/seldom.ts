interface Said {
  at: number;
  keptBack: number;
}

/**
 * Lets one of a kind through every so often, and counts what it keeps back: what fails again and again must not flood
 * the log.
 */
export class Seldom {
  private readonly said = new Map<string, Said>();

  /** @param kindsMax so many kinds are told apart; those beyond count as one */
  constructor(
    private readonly everyMs: number,
    private readonly kindsMax = 100,
    private readonly now: () => number = () => performance.now(),
  ) {}

  /** How many of that kind were kept back since the last that was let through; null if this one is kept back, too. */
  admit(kind: string): number | null {
    const known = this.said.has(kind) || this.said.size < this.kindsMax ? kind : '';
    const said = this.said.get(known);
    if (said !== undefined && this.now() - said.at < this.everyMs) {
      said.keptBack++;
      return null;
    }
    this.said.set(known, { at: this.now(), keptBack: 0 });
    return said?.keptBack ?? 0;
  }
}
