import type { OnApplicationShutdown } from '@nestjs/common';
import type {
  Attachment,
  KillReport,
  SignalName,
  SignalOutcome,
  StartRequest,
  StdinOutcome,
  Standbys,
  StdinPiece,
  StreamPosition,
  Supervisor,
} from '@app/supervisor';
import { CommandExecutor } from '../application/command-executor.js';
import type { Instance } from '@app/commands';

/** Runs commands under the supervisor. Runtimes differ in where it runs and how it is reached. */
export abstract class SupervisedCommandExecutor extends CommandExecutor implements OnApplicationShutdown {
  constructor(protected readonly standbys: Standbys) {
    super();
  }

  onApplicationShutdown(): void {
    this.standbys.close();
  }

  start(instance: Instance, request: StartRequest, from: StreamPosition, signal: AbortSignal): Attachment {
    return this.supervisor(instance).run(request, from, signal);
  }

  attach(instance: Instance, commandId: string, from: StreamPosition, signal: AbortSignal): Attachment {
    return this.supervisor(instance).attach(commandId, from, signal);
  }

  signal(instance: Instance, commandId: string, name: SignalName): Promise<SignalOutcome> {
    return this.supervisor(instance).signal(commandId, name);
  }

  write(instance: Instance, commandId: string, piece: StdinPiece): Promise<StdinOutcome | null> {
    return this.supervisor(instance).write(commandId, piece);
  }

  sweep(instance: Instance, maxAgeSeconds: number): Promise<readonly string[]> {
    return this.supervisor(instance).sweep([], maxAgeSeconds);
  }

  cancel(instance: Instance, commandId: string, graceSeconds: number): Promise<KillReport | null> {
    return this.supervisor(instance).cancel(commandId, graceSeconds);
  }

  /** The supervisor of exactly that instance. */
  protected abstract supervisor(instance: Instance): Supervisor;
}
