import type { ManagedProject, ObservedProject, RuntimeKind } from '../domain/project.js';

/** Where projects live: directories of this machine, or pods of a cluster. */
export abstract class ProjectRuntime {
  abstract readonly kind: RuntimeKind;
  /** Whether projects can be created through the API. */
  abstract readonly canCreate: boolean;
  /** The runtime does not answer, and what is seen is old. */
  abstract readonly stale: boolean;
  /** The projects that are seen apart from what the repository knows. @throws Unavailable if none was ever looked for */
  abstract observed(): readonly ObservedProject[];
  /** Null if there is none with the id. @throws Unavailable if that cannot be told now */
  abstract find(id: string): ObservedProject | null;
  /**
   * Makes the project ready for commands; safe to run again.
   * @throws an Error whose message says in words why it cannot be
   */
  abstract provision(project: ManagedProject, signal: AbortSignal): Promise<void>;
  /** Removes what provisioning made; safe to run again. */
  abstract dispose(id: string): Promise<void>;
  /** Throws if projects cannot be reached now. */
  abstract check(signal: AbortSignal): Promise<void>;
  /** Calls back when the status of a project was seen to change; returns what stops it. */
  abstract onChange(listener: (project: ObservedProject) => void): () => void;
}
