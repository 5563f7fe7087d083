interface Entry {
  readonly at: number;
  hits: number;
}

/**
 * The hits of a key, oldest first. Hits in the same millisecond share an entry, so the window bounds the number of
 * entries.
 */
export class HitLog {
  private entries: Entry[] = [];
  private first = 0;
  private sum = 0;

  /** Hits that were not forgotten. */
  get total(): number {
    return this.sum;
  }

  /** Time of the newest hit; -Infinity without one. */
  get newestAt(): number {
    return this.entries.at(-1)?.at ?? -Infinity;
  }

  /** Times must ascend. Fractions of a millisecond are rounded up, so that no hit leaves the window too early. */
  add(at: number, hits = 1): void {
    const time = Math.max(Math.ceil(at), this.newestAt);
    const newest = this.entries.at(-1);
    if (newest?.at === time) newest.hits += hits;
    else this.entries.push({ at: time, hits });
    this.sum += hits;
  }

  /** Forgets hits up to and including that time. */
  forgetUntil(time: number): void {
    for (let entry = this.entries[this.first]; entry && entry.at <= time; entry = this.entries[this.first]) {
      this.sum -= entry.hits;
      this.first++;
    }
    if (this.first * 2 <= this.entries.length) return;
    this.entries = this.entries.slice(this.first);
    this.first = 0;
  }

  /** Index 0 is the oldest entry. */
  entry(index: number): Readonly<Entry> | undefined {
    return this.entries[this.first + index];
  }

  /** Entries since a time, oldest first. */
  *since(time: number): Generator<Readonly<Entry>> {
    let start = this.entries.length;
    while (start > this.first && (this.entries[start - 1]?.at ?? -Infinity) >= time) start--;
    yield* this.entries.slice(start);
  }
}

/** When that many hits in these logs will have left the window. */
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
 * Counts hits by key in a sliding window. Idle keys are forgotten, and beyond the maximum the key that was idle
 * longest.
 */
export class SlidingWindows {
  /** Ordered by newest hit. */
  private readonly logs = new Map<string, HitLog>();

  constructor(
    private readonly windowMs: number,
    private readonly keysMax: number,
  ) {}

  get size(): number {
    return this.logs.size;
  }

  /** Hits of the key in the current window. */
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
