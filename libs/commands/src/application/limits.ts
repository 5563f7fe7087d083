/** What the operator allows; injected as a value. */
export class CommandLimits {
  constructor(
    readonly queuedPerProjectMax: number,
    readonly outputBytesDefault: number,
    readonly outputBytesMax: number,
    readonly lostAfterSeconds: number,
    readonly streamsPerKeyMax: number,
  ) {}
}
