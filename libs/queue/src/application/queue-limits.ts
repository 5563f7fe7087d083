/** What the operator allows; injected as a value. */
export class QueueLimits {
  constructor(
    readonly runningPerProjectMax: number,
    readonly runningPerReplicaMax: number,
    /** Waiting for so long raises a queued command by one priority. */
    readonly agingSeconds: number,
  ) {}
}
