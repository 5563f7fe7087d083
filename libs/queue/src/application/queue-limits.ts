/** What the operator allows; injected as a value. */
export class QueueLimits {
  constructor(
    readonly runningPerProjectMax: number,
    readonly runningPerReplicaMax: number,
  ) {}
}
