import { Injectable } from '@nestjs/common';
import { TooManyStreams } from '../domain/command.errors.js';
import { CommandLimits } from './limits.js';

/** Counts the streams and long polls that each key has open in this replica. */
@Injectable()
export class OpenStreams {
  private readonly open = new Map<string, number>();

  constructor(private readonly limits: CommandLimits) {}

  /** Answers what releases it; releasing twice does no harm. @throws {@link TooManyStreams} */
  acquire(keyId: string): () => void {
    const count = this.open.get(keyId) ?? 0;
    if (count >= this.limits.streamsPerKeyMax) throw new TooManyStreams(this.limits.streamsPerKeyMax);
    this.open.set(keyId, count + 1);
    let held = true;
    return () => {
      if (!held) return;
      held = false;
      const left = (this.open.get(keyId) ?? 1) - 1;
      if (left > 0) this.open.set(keyId, left);
      else this.open.delete(keyId);
    };
  }
}
