import { InvalidInput } from '@app/kernel';

interface Limits {
  readonly queuedPerProjectMax: number;
  /** A queued command rises by one priority each time it has waited this long. */
  readonly agingSeconds: number;
  readonly outputBytesDefault: number;
  readonly outputBytesMax: number;
  readonly lostAfterSeconds: number;
}

/** The operator's limits; injected as a value. */
export class CommandLimits implements Limits {
  readonly queuedPerProjectMax: number;
  readonly agingSeconds: number;
  readonly outputBytesDefault: number;
  readonly outputBytesMax: number;
  readonly lostAfterSeconds: number;

  constructor(limits: Limits) {
    this.queuedPerProjectMax = limits.queuedPerProjectMax;
    this.agingSeconds = limits.agingSeconds;
    this.outputBytesDefault = limits.outputBytesDefault;
    this.outputBytesMax = limits.outputBytesMax;
    this.lostAfterSeconds = limits.lostAfterSeconds;
  }

  /** Bytes of each stream to keep. @throws {@link InvalidInput} if more is asked for than allowed */
  outputBytesOf(asked: number | null): number {
    if (asked === null || asked <= this.outputBytesMax) return asked ?? this.outputBytesDefault;
    const detail = `must be at most ${String(this.outputBytesMax)}`;
    throw new InvalidInput([{ pointer: '#/maxOutputBytes', detail }]);
  }
}
