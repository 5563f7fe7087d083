interface Limits {
  readonly runningPerProjectMax: number;
  readonly runningPerReplicaMax: number;
  /** A queued command rises by one priority each time it has waited this long. */
  readonly agingSeconds: number;
}

/** The operator's limits; injected as a value. */
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
