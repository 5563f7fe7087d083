import { InvalidInput } from '@app/kernel';

/** What the operator allows; injected as a value. */
export class CommandLimits {
  constructor(
    readonly runningPerProjectMax: number,
    readonly queuedPerProjectMax: number,
    /** Waiting for so long raises a queued command by one priority. */
    readonly agingSeconds: number,
    readonly outputBytesDefault: number,
    readonly outputBytesMax: number,
    readonly lostAfterSeconds: number,
  ) {}

  /** How many bytes of each stream are kept, or why so many may not be asked for. */
  outputBytesOf(asked: number | null): number | InvalidInput {
    if (asked === null || asked <= this.outputBytesMax) return asked ?? this.outputBytesDefault;
    const detail = `must be at most ${String(this.outputBytesMax)}`;
    return new InvalidInput([{ pointer: '#/maxOutputBytes', detail }]);
  }
}
