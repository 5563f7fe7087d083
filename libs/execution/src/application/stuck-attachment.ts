import type { Attachment } from '@app/supervisor';
import type { Position } from '@app/commands';

/** A command that is being killed ends, or produces output, within this time. */
const STUCK_MS = 10_000;

/** Detects an attachment without progress, as when the command has stopped the process that serves it. */
export class StuckAttachment {
  private attachment: Attachment | undefined;
  private seen: { readonly position: Position; readonly at: number } | undefined;

  constructor(private readonly now = (): number => performance.now()) {}

  watch(attachment: Attachment): Attachment {
    this.attachment = attachment;
    this.seen = undefined;
    return attachment;
  }

  /** Called after each attempt to kill the command: closes the attachment if it has made no progress for too long. */
  check(position: Position): void {
    const { stdout, stderr } = this.seen?.position ?? {};
    if (this.seen === undefined || stdout !== position.stdout || stderr !== position.stderr) {
      this.seen = { position, at: this.now() };
    } else if (this.now() - this.seen.at >= STUCK_MS) {
      this.attachment?.close();
      this.seen = undefined;
    }
  }
}
