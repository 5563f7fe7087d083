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
    readonly streamsPerKeyMax: number,
  ) {}
}
