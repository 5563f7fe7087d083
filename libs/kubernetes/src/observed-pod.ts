/** Leads from a pod to the project that it is; the value is the project's id. */
export const PROJECT_LABEL = 'rdev.dev/project';
/** On what an install of rdev made; the value is its identity. */
export const INSTALL_LABEL = 'rdev.dev/install';

/**
 * `pending` may come up by itself, `failed` needs somebody's help, `terminating` was deleted, `stopped` has ended well,
 * and of `unknown` nothing is known, because the node does not answer.
 */
export type PodStatus = 'pending' | 'running' | 'stopped' | 'failed' | 'terminating' | 'unknown';

/** How a container's process ended. */
export interface Termination {
  /** In Kubernetes' words: `OOMKilled`, `Error`, `Completed`, … */
  readonly reason: string | null;
  readonly exitCode: number;
  readonly finishedAt: Date | null;
  /** What it wrote last, if it was asked to be kept. */
  readonly message: string | null;
}

/** Why a container does not run yet, or not again. */
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
  /** The most recent end: of this container if it does not run, else of the one before; null if none has ended. */
  readonly lastTermination: Termination | null;
  readonly waiting: Waiting | null;
}

/** A pod as last seen. Times are the cluster's. */
export interface ObservedPod {
  readonly uid: string;
  readonly name: string;
  readonly namespace: string;
  /** Value of the label {@link PROJECT_LABEL}; empty if the informer selects by another label and this one is missing. */
  readonly project: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
  /** Kubernetes' word; `status` is ours. */
  readonly phase: string;
  readonly status: PodStatus;
  /** Why the status is what it is, in words for people; null if there is nothing to say. */
  readonly reason: string | null;
  readonly ready: boolean;
  readonly createdAt: Date;
  /** By when it is to be gone, the grace period included; null if it has not been deleted. */
  readonly deletionTimestamp: Date | null;
  /** What must be done before a deleted pod goes, by the controllers that know these names. */
  readonly finalizers: readonly string[];
  readonly node: string | null;
  /** The one that commands run in, by {@link chooseContainer}. */
  readonly container: string;
  /** All but init containers. */
  readonly containers: readonly ObservedContainer[];
  readonly initContainers: readonly ObservedContainer[];
  /** The controller, such as `StatefulSet`; null for a bare pod. */
  readonly ownerKind: string | null;
  readonly ownerName: string | null;
}
