/**
 * A pod as JSON, as far as it is used. client-node's `V1Pod` fits too, but its types promise `Date`s that JSON lacks.
 */
export interface PodJson {
  readonly metadata?: MetadataJson;
  readonly spec?: {
    readonly nodeName?: string;
    readonly restartPolicy?: string;
    readonly containers: readonly ContainerJson[];
    readonly initContainers?: readonly ContainerJson[];
    readonly readinessGates?: readonly unknown[];
  };
  readonly status?: PodStatusJson;
}

export interface MetadataJson {
  readonly uid?: string;
  readonly name?: string;
  readonly namespace?: string;
  readonly resourceVersion?: string;
  readonly labels?: Readonly<Record<string, string>>;
  readonly annotations?: Readonly<Record<string, string>>;
  readonly creationTimestamp?: string | Date;
  readonly deletionTimestamp?: string | Date;
  readonly finalizers?: readonly string[];
  readonly ownerReferences?: readonly { readonly kind: string; readonly name: string; readonly controller?: boolean }[];
}

export interface PodStatusJson {
  readonly phase?: string;
  readonly reason?: string;
  readonly message?: string;
  readonly conditions?: readonly ConditionJson[];
  readonly containerStatuses?: readonly ContainerStatusJson[];
  readonly initContainerStatuses?: readonly ContainerStatusJson[];
}

export interface ConditionJson {
  readonly type: string;
  readonly status: string;
  readonly reason?: string;
  readonly message?: string;
}

interface ContainerJson {
  readonly name: string;
  readonly image?: string;
  readonly restartPolicy?: string;
}

export interface ContainerStatusJson {
  readonly name: string;
  readonly containerID?: string;
  readonly ready?: boolean;
  readonly started?: boolean;
  readonly restartCount?: number;
  readonly state?: ContainerStateJson;
  readonly lastState?: ContainerStateJson;
}

/** At most one of the three is set; none if the state is not known yet. */
export interface ContainerStateJson {
  readonly running?: object;
  readonly waiting?: WaitingJson;
  readonly terminated?: TerminatedJson;
}

export interface WaitingJson {
  readonly reason?: string;
  readonly message?: string;
}

export interface TerminatedJson {
  readonly exitCode: number;
  readonly reason?: string;
  readonly message?: string;
  readonly finishedAt?: string | Date;
}
