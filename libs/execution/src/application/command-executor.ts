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

/** The state of the instance that a command is bound to. */
export type InstanceState =
  | { readonly kind: 'present' }
  /** The instance is gone or has been replaced: the command cannot be running. */
  | { readonly kind: 'gone'; readonly reason: Reason; readonly detail: string }
  /** The state is unknown. */
  | { readonly kind: 'unreachable'; readonly detail: string };

/** Starts commands and attaches to them in the projects' instances. */
export abstract class CommandExecutor {
  /** Whether commands can reach only the files of their own project, whatever user owns them. */
  abstract readonly isIsolated: boolean;
  /**
   * The instance of the project that takes new commands.
   * @param container name; null: the default
   * @throws {@link ProjectNotRunning}, {@link ContainerRefused}
   */
  abstract locate(projectId: string, container: string | null): Promise<Instance>;
  /** All instances of the project that can currently take commands. */
  abstract instances(projectId: string): Promise<readonly Instance[]>;
  /** The current state of the instance. */
  abstract observe(instance: Instance): Promise<InstanceState>;
  /** Claims and starts the command, or finds it already claimed; then follows it from the position. */
  abstract start(instance: Instance, request: StartRequest, from: StreamPosition, signal: AbortSignal): Attachment;
  /** Follows a command that is already claimed. */
  abstract attach(instance: Instance, commandId: string, from: StreamPosition, signal: AbortSignal): Attachment;
  /** Sends a signal to all processes of the command. */
  abstract signal(instance: Instance, commandId: string, name: SignalName): Promise<SignalOutcome>;
  /**
   * Writes a piece to a command's open stdin; null if it has ended or was never started.
   * @throws if it is unknown whether the piece was written
   */
  abstract write(instance: Instance, commandId: string, piece: StdinPiece): Promise<StdinOutcome | null>;
  /** Removes the spools of commands that ended longer ago than this; returns the commands that run there. */
  abstract sweep(instance: Instance, maxAgeSeconds: number): Promise<readonly string[]>;
  /**
   * Ends processes left by the project's ended commands, if they would outlive the project. Returns how many of them
   * could not be ended.
   */
  abstract reap(projectId: string): Promise<number>;
  /** Kills the command's whole process tree; null if it had ended or was never started. */
  abstract cancel(instance: Instance, commandId: string, graceSeconds: number): Promise<KillReport | null>;
}
