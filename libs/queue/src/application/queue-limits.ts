interface Limits {
  readonly runningPerProjectMax: number;
  readonly runningPerReplicaMax: number;
  /** Waiting for so long raises a queued command by one priority. */
  readonly agingSeconds: number;
}

/** What the operator allows; injected as a value. */
export class QueueLimits implements Limits {
  readonly runningPerProjectMax: number;
  readonly runningPerReplicaMax: number;
  readonly agingSeconds: number;

  constructor(limits: Limits) {
    this.runningPerProjectMax = limits.runningPerProjectMax;
    this.runningPerReplicaMax = limits.runningPerReplicaMax;
    this.agingSeconds = limits.agingSeconds;
  }
}
