import type {
  Attachment,
  KillReport,
  SignalName,
  StartRequest,
  StdinOutcome,
  StdinPiece,
  StreamPosition,
} from '@app/supervisor';
import type { Instance } from '../domain/command.js';
import type { Reason } from '../domain/result.js';

/** What is known of the instance that a command is bound to. */
export type InstanceState =
  | { readonly kind: 'present' }
  /** It is gone, or is not the same any more: the command cannot be running. */
  | { readonly kind: 'gone'; readonly reason: Reason; readonly detail: string }
  /** It cannot be told. */
  | { readonly kind: 'unreachable'; readonly detail: string };

/** Starts commands and attaches to them, where the projects are. */
export abstract class CommandExecutor {
  /** The directory that commands run in unless they say otherwise; used if it exists. */
  abstract defaultDirectory(instance: Instance): string;
  /** The instance of the project that takes new commands, from what is known here: asks nobody. @throws {@link ProjectNotRunning} */
  abstract locate(projectId: string): Promise<Instance>;
  /** What is known of that instance now. */
  abstract observe(instance: Instance): Promise<InstanceState>;
  /** Makes the claim and starts the command, or finds the claim taken; then follows it from the position. */
  abstract start(instance: Instance, request: StartRequest, from: StreamPosition, signal: AbortSignal): Attachment;
  /** Follows a command whose claim was made. */
  abstract attach(instance: Instance, commandId: string, from: StreamPosition, signal: AbortSignal): Attachment;
  /** Sends a signal to all processes of the command; false if it has ended or was never started. */
  abstract signal(instance: Instance, commandId: string, name: SignalName): Promise<boolean>;
  /**
   * Puts a piece into the open stdin of a command; null if it has ended or was never started.
   * @throws if it is not known whether it was put
   */
  abstract write(instance: Instance, commandId: string, piece: StdinPiece): Promise<StdinOutcome | null>;
  /** Removes what commands left in the instance that ended longer ago than that; answers those that run there. */
  abstract sweep(instance: Instance, maxAgeSeconds: number): Promise<readonly string[]>;
  /** Kills the command's whole tree; null if it had ended or was never started. */
  abstract cancel(instance: Instance, commandId: string, graceSeconds: number): Promise<KillReport | null>;
}
