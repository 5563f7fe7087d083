/** Collects what comes within a while, each thing once, and hands it over together. */
export class Batch<T> {
  private items = new Set<T>();
  private timer: NodeJS.Timeout | undefined;

  constructor(
    private readonly waitMs: number,
    private readonly handOver: (items: readonly T[]) => void,
  ) {}

  add(item: T): void {
    this.items.add(item);
    this.timer ??= setTimeout(() => {
      this.flush();
    }, this.waitMs);
  }

  /** Hands over now what there is. */
  flush(): void {
    clearTimeout(this.timer);
    this.timer = undefined;
    const items = [...this.items];
    this.items.clear();
    if (items.length > 0) this.handOver(items);
  }
}
