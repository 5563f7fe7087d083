/** Collects distinct items for a short time and flushes them together. */
export class Coalescer<T> {
  private items = new Set<T>();
  private timer: NodeJS.Timeout | undefined;

  constructor(
    private readonly waitMs: number,
    private readonly onFlush: (items: readonly T[]) => void,
  ) {}

  add(item: T): void {
    this.items.add(item);
    this.timer ??= setTimeout(() => {
      this.flush();
    }, this.waitMs);
  }

  /** Flushes immediately; does nothing if there are no items. */
  flush(): void {
    clearTimeout(this.timer);
    this.timer = undefined;
    const items = [...this.items];
    this.items.clear();
    if (items.length > 0) this.onFlush(items);
  }
}
