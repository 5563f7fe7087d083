import type { Position } from '@app/commands';

/** An attachment that was open for that long has not failed. */
const STEADY_MS = 5_000;

/** Counts attachments in a row that brought nothing: one that opens and ends at once is no reason to try at once again. */
export class AttachmentPace {
  private before: Position | undefined;
  private openedAt = 0;
  private failures = 0;

  constructor(private readonly now = (): number => performance.now()) {}

  opened(position: Position): void {
    this.before = position;
    this.openedAt = this.now();
  }

  /** @returns how many in a row had brought nothing before this one */
  ended(position: Position): number {
    const { before } = this;
    const isProgress =
      before !== undefined &&
      (position.stdout > before.stdout || position.stderr > before.stderr || this.now() - this.openedAt >= STEADY_MS);
    this.before = undefined;
    if (isProgress) this.failures = 0;
    return this.failures++;
  }
}
