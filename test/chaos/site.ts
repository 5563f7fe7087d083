import type { Replica } from './replica.js';
import type { ScheduledFault } from './faults.js';
import type { Loss } from './loss.js';

/** Where the replicas run commands: this machine, or a cluster. */
export interface Site {
  readonly name: string;
  readonly projects: readonly string[];
  readonly recordFile: string;
  readonly replicas: readonly Replica[];
  readonly faultKinds: readonly string[];
  /** What deleted pods took with them. */
  readonly losses: readonly Loss[];
  /** Resolves when all is well again. */
  strike(fault: ScheduledFault): Promise<void>;
  /** Runs a script where the commands of the project run, not through the API; answers its stdout. */
  run(project: string, script: string): Promise<string>;
  /** What commands noted in pods that are gone. */
  savedRecords(project: string): string;
  close(): Promise<void>;
}
