import type {
  Attachment,
  KillReport,
  SignalName,
  SignalOutcome,
  StartRequest,
  StdinOutcome,
  StdinPiece,
  StreamPosition,
} from '@app/supervisor';
import type { Instance, Reason } from '@app/commands';

/** What is known of the instance that a command is bound to. */
export type InstanceState =
  | { readonly kind: 'present' }
  /** It is gone, or is not the same any more: the command cannot be running. */
  | { readonly kind: 'gone'; readonly reason: Reason; readonly detail: string }
  /** It cannot be told. */
  | { readonly kind: 'unreachable'; readonly detail: string };

/** Starts commands and attaches to them, where the projects are. */
export abstract class CommandExecutor {
  /** Whether a command reaches the files of its project alone, whatever user owns them. */
  abstract readonly isIsolated: boolean;
  /**
   * The instance of the project that takes new commands.
   * @param container by its name; null: the default
   * @throws {@link ProjectNotRunning}, {@link ContainerRefused}
   */
  abstract locate(projectId: string, container: string | null): Promise<Instance>;
  /** Every instance of the project that can take commands now. */
  abstract instances(projectId: string): Promise<readonly Instance[]>;
  /** What is known of that instance now. */
  abstract observe(instance: Instance): Promise<InstanceState>;
  /** Makes the claim and starts the command, or finds the claim taken; then follows it from the position. */
  abstract start(instance: Instance, request: StartRequest, from: StreamPosition, signal: AbortSignal): Attachment;
  /** Follows a command whose claim was made. */
  abstract attach(instance: Instance, commandId: string, from: StreamPosition, signal: AbortSignal): Attachment;
  /** Sends a signal to all processes of the command. */
  abstract signal(instance: Instance, commandId: string, name: SignalName): Promise<SignalOutcome>;
  /**
   * Puts a piece into the open stdin of a command; null if it has ended or was never started.
   * @throws if it is not known whether it was put
   */
  abstract write(instance: Instance, commandId: string, piece: StdinPiece): Promise<StdinOutcome | null>;
  /** Removes what commands left in the instance that ended longer ago than that; answers those that run there. */
  abstract sweep(instance: Instance, maxAgeSeconds: number): Promise<readonly string[]>;
  /**
   * Ends what ended commands of the project have left running, where it would outlive the project; answers how many of
   * these processes could not be ended.
   */
  abstract reap(projectId: string): Promise<number>;
  /** Kills the command's whole tree; null if it had ended or was never started. */
  abstract cancel(instance: Instance, commandId: string, graceSeconds: number): Promise<KillReport | null>;
}
