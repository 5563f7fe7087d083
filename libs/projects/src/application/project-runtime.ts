import type { Unavailable } from '@app/kernel';
import type { Finding, ManagedProject, ObservedProject, ProjectSpec, RuntimeKind } from '../domain/project.js';

/** Where projects live: directories of this machine, or pods of a cluster. */
export abstract class ProjectRuntime {
  /** What answers call it. Nothing is decided by it. */
  abstract readonly kind: RuntimeKind;
  /** A project without a repository is there as soon as it is reconciled. */
  abstract readonly isInstant: boolean;
  /** It can be unavailable while the rest of rdev is available. */
  abstract readonly isRemote: boolean;
  /** Whether a command can name the container that it runs in. */
  abstract readonly hasContainers: boolean;
  /** The runtime does not answer, and what is seen is old. */
  abstract readonly stale: boolean;
  /** Why nothing new can be done there now; null: it can, or only a connection broke. */
  abstract readonly outage: Unavailable | null;
  /**
   * The projects that are seen apart from what the repository knows. @throws Unavailable if none was ever looked for
   */
  abstract observed(): readonly ObservedProject[];
  /** Null if there is none with the id. @throws Unavailable if that cannot be told now */
  abstract find(id: string): ObservedProject | null;
  /** What was seen of a managed project last; null says nothing of whether it is there. */
  abstract lastSeen(id: string): ObservedProject | null;
  /** The directory that commands of the project run in unless they say otherwise; used if it exists. */
  abstract directoryOf(id: string): string;
  /** @throws {@link InvalidInput} naming each field that projects of this runtime cannot have */
  abstract validate(spec: Omit<ProjectSpec, 'env'>): void;
  /**
   * Throws {@link ProjectOfAnotherInstall} if what others made stands where a new project would be.
   * @throws Unavailable if that cannot be told now
   */
  abstract assertFree(id: string): Promise<void>;
  /**
   * Makes the project what it is to be, as far as that goes at once, and answers how it is. Safe to run again at any
   * time, and meant to be: it heals what others changed.
   * @throws if that cannot be told now
   */
  abstract reconcile(project: ManagedProject, signal: AbortSignal): Promise<Finding>;
  /**
   * Removes what was made, the files too unless they are to be kept. Answers whether all is gone; else run it again.
   */
  abstract remove(project: ManagedProject, signal: AbortSignal): Promise<boolean>;
  /** Throws if projects cannot be reached now. */
  abstract check(signal: AbortSignal): Promise<void>;
  /** Calls back with the id when something about a project was seen to change; returns what stops it. */
  abstract onChange(listener: (id: string) => void): () => void;
}
