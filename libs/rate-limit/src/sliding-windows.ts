interface Entry {
  readonly at: number;
  hits: number;
}

/**
 * The hits of one key, oldest first. Those of one millisecond share an entry: it never has more than the window has.
 */
export class HitLog {
  private entries: Entry[] = [];
  private first = 0;
  private sum = 0;

  /** Of all that was not forgotten. */
  get total(): number {
    return this.sum;
  }

  /** When the newest hit was; -Infinity without one. */
  get newestAt(): number {
    return this.entries.at(-1)?.at ?? -Infinity;
  }

  /** Later than any before it. A part of a millisecond is rounded up: no hit leaves the window too early. */
  add(at: number, hits = 1): void {
    const time = Math.max(Math.ceil(at), this.newestAt);
    const newest = this.entries.at(-1);
    if (newest?.at === time) newest.hits += hits;
    else this.entries.push({ at: time, hits });
    this.sum += hits;
  }

  /** Forgets what happened at that time or earlier. */
  forgetUntil(time: number): void {
    for (let entry = this.entries[this.first]; entry && entry.at <= time; entry = this.entries[this.first]) {
      this.sum -= entry.hits;
      this.first++;
    }
    if (this.first * 2 <= this.entries.length) return;
    this.entries = this.entries.slice(this.first);
    this.first = 0;
  }

  /** By age, the oldest first. */
  entry(index: number): Readonly<Entry> | undefined {
    return this.entries[this.first + index];
  }

  /** From that time on, oldest first. */
  *since(time: number): Generator<Readonly<Entry>> {
    let start = this.entries.length;
    while (start > this.first && (this.entries[start - 1]?.at ?? -Infinity) >= time) start--;
    yield* this.entries.slice(start);
  }
}

/** When so many of the hits in these logs will have left the window. */
export function leavesAt(logs: readonly HitLog[], hits: number, windowMs: number): number {
  const places = logs.map((log) => ({ log, index: 0 }));
  let left = 0;
  for (;;) {
    const ahead = places.map((place) => ({ place, entry: place.log.entry(place.index) }));
    const oldest = ahead.reduce((a, b) => ((b.entry?.at ?? Infinity) < (a.entry?.at ?? Infinity) ? b : a));
    if (oldest.entry === undefined) return -Infinity;
    oldest.place.index++;
    left += oldest.entry.hits;
    if (left >= hits) return oldest.entry.at + windowMs;
  }
}

/**
 * Counts hits by key over the time just past. Keys without any are forgotten; beyond the bound, the one that was silent
 * longest.
 */
export class SlidingWindows {
  /** In the order of their newest hits. */
  private readonly logs = new Map<string, HitLog>();

  constructor(
    private readonly windowMs: number,
    private readonly keysMax: number,
  ) {}

  get size(): number {
    return this.logs.size;
  }

  /** Hits of the key in the window that ends now. */
  count(key: string, now: number): number {
    const log = this.logs.get(key);
    log?.forgetUntil(now - this.windowMs);
    return log?.total ?? 0;
  }

  add(key: string, now: number): void {
    const log = this.logs.get(key) ?? new HitLog();
    log.add(now);
    this.logs.delete(key);
    this.logs.set(key, log);
    for (const [oldest, { newestAt }] of this.logs) {
      if (newestAt > now - this.windowMs && this.logs.size <= this.keysMax) break;
      this.logs.delete(oldest);
    }
  }

  /** Milliseconds until there are fewer hits in the window than now, and fewer than the limit. */
  waitMs(key: string, now: number, limit = Infinity): number {
    const hits = this.count(key, now);
    const log = this.logs.get(key);
    if (log === undefined || hits === 0) return 0;
    return leavesAt([log], Math.max(1, hits - limit + 1), this.windowMs) - now;
  }
}
