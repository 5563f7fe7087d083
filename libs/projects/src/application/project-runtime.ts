import type { Unavailable } from '@app/kernel';
import type { Finding, ManagedProject, ObservedProject, ProjectSpec, RuntimeKind } from '../domain/project.js';

/** Where projects live: directories of this machine, or pods of a cluster. */
export abstract class ProjectRuntime {
  /** Shown in responses. Nothing depends on it. */
  abstract readonly kind: RuntimeKind;
  /** Whether a project without a repository is ready as soon as it is reconciled. */
  abstract readonly isInstant: boolean;
  /** It can be unavailable while the rest of rdev is available. */
  abstract readonly isRemote: boolean;
  /** Whether a command can name the container that it runs in. */
  abstract readonly hasContainers: boolean;
  /** The runtime does not respond, and the observed state is old. */
  abstract readonly stale: boolean;
  /** Why nothing new can be done now; null: it can, or only a connection broke. */
  abstract readonly outage: Unavailable | null;
  /** The observed projects, independent of the repository. @throws Unavailable before the first observation */
  abstract observed(): readonly ObservedProject[];
  /** Null if there is none with this id. @throws Unavailable if that is unknown now */
  abstract find(id: string): ObservedProject | null;
  /** The last observation of a managed project; null does not mean that it is absent. */
  abstract lastSeen(id: string): ObservedProject | null;
  /** The default directory of the project's commands; used if it exists. */
  abstract directoryOf(id: string): string;
  /** @throws {@link InvalidInput} for all fields that this runtime does not support */
  abstract validate(spec: Omit<ProjectSpec, 'env'>): void;
  /**
   * Throws {@link ProjectOfAnotherInstall} if foreign objects exist where a new project would be.
   * @throws Unavailable if that is unknown now
   */
  abstract assertFree(id: string): Promise<void>;
  /**
   * Brings the project closer to its desired state, and returns its current one. Idempotent, and repairs changes by
   * others.
   * @throws if the state is unknown now
   */
  abstract reconcile(project: ManagedProject, signal: AbortSignal): Promise<Finding>;
  /**
   * Removes what was created, including the files unless they are to be kept. Returns whether everything is gone;
   * otherwise run it again.
   */
  abstract remove(project: ManagedProject, signal: AbortSignal): Promise<boolean>;
  /** Throws if projects are unreachable now. */
  abstract check(signal: AbortSignal): Promise<void>;
  /** Calls back with the project's id at each observed change; returns the unsubscribe function. */
  abstract onChange(listener: (id: string) => void): () => void;
}
