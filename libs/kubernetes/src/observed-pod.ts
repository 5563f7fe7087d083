/** Label of a project's pods; the value is the project's id. */
export const PROJECT_LABEL = 'rdev.dev/project';
/** Label of the objects that an install of rdev created; the value is the install's id. */
export const INSTALL_LABEL = 'rdev.dev/install';

/**
 * `pending` may become `running` without intervention, `failed` needs intervention, `terminating` was deleted,
 * `stopped` has completed, and `unknown` is on a node that does not respond.
 */
export type PodStatus = 'pending' | 'running' | 'stopped' | 'failed' | 'terminating' | 'unknown';

/** How a container's process ended. */
export interface Termination {
  /** As Kubernetes reports it: `OOMKilled`, `Error`, `Completed`, … */
  readonly reason: string | null;
  readonly exitCode: number;
  readonly finishedAt: Date | null;
  /** The termination message, if any. */
  readonly message: string | null;
}

/** Why a container has not started or restarted yet. */
export interface Waiting {
  readonly reason: string | null;
  readonly message: string | null;
}

/** A container as last reported by its node. */
export interface ObservedContainer {
  readonly name: string;
  readonly image: string;
  /** Changes with every restart; null until first started. */
  readonly containerId: string | null;
  readonly running: boolean;
  readonly ready: boolean;
  readonly restartCount: number;
  /** The most recent end: of this instance if it has ended, otherwise of the previous one; null if none has ended. */
  readonly lastTermination: Termination | null;
  readonly waiting: Waiting | null;
}

/** A pod as last seen. Times are the cluster's. */
export interface ObservedPod {
  readonly uid: string;
  readonly name: string;
  readonly namespace: string;
  /**
   * Value of the label {@link PROJECT_LABEL}; empty if the informer selects by another label and this one is missing.
   */
  readonly project: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
  /** Kubernetes' phase; `status` is ours. */
  readonly phase: string;
  readonly status: PodStatus;
  /** Human-readable reason for the status; null if there is none. */
  readonly reason: string | null;
  readonly ready: boolean;
  readonly createdAt: Date;
  /** Deadline for its removal, including the grace period; null if it has not been deleted. */
  readonly deletionTimestamp: Date | null;
  /** Names of the finalizers that must complete before a deleted pod is removed. */
  readonly finalizers: readonly string[];
  readonly node: string | null;
  /** The container that commands run in, by {@link chooseContainer}. */
  readonly container: string;
  /** All but init containers. */
  readonly containers: readonly ObservedContainer[];
  readonly initContainers: readonly ObservedContainer[];
  /** The controller, such as `StatefulSet`; null for a bare pod. */
  readonly ownerKind: string | null;
  readonly ownerName: string | null;
}
