import { InvalidInput } from '@app/kernel';

interface Limits {
  readonly runningPerProjectMax: number;
  readonly queuedPerProjectMax: number;
  /** Waiting for so long raises a queued command by one priority. */
  readonly agingSeconds: number;
  readonly outputBytesDefault: number;
  readonly outputBytesMax: number;
  readonly lostAfterSeconds: number;
}

/** What the operator allows; injected as a value. */
export class CommandLimits implements Limits {
  readonly runningPerProjectMax: number;
  readonly queuedPerProjectMax: number;
  readonly agingSeconds: number;
  readonly outputBytesDefault: number;
  readonly outputBytesMax: number;
  readonly lostAfterSeconds: number;

  constructor(limits: Limits) {
    this.runningPerProjectMax = limits.runningPerProjectMax;
    this.queuedPerProjectMax = limits.queuedPerProjectMax;
    this.agingSeconds = limits.agingSeconds;
    this.outputBytesDefault = limits.outputBytesDefault;
    this.outputBytesMax = limits.outputBytesMax;
    this.lostAfterSeconds = limits.lostAfterSeconds;
  }

  /** How many bytes of each stream are kept. @throws {@link InvalidInput} if so many may not be asked for */
  outputBytesOf(asked: number | null): number {
    if (asked === null || asked <= this.outputBytesMax) return asked ?? this.outputBytesDefault;
    const detail = `must be at most ${String(this.outputBytesMax)}`;
    throw new InvalidInput([{ pointer: '#/maxOutputBytes', detail }]);
  }
}
