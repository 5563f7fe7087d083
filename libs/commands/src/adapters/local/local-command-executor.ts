import { stat } from 'node:fs/promises';
import { Workspaces } from '@app/local';
import {
  type Attachment,
  type KillReport,
  type SignalName,
  type StartRequest,
  type StreamPosition,
  Supervisor,
  openLocalChannel,
} from '@app/supervisor';
import { Injectable } from '@nestjs/common';
import { CommandExecutor, type InstanceState } from '../../application/command-executor.js';
import type { Instance } from '../../domain/command.js';

/** Runs commands as processes of this machine, under the same supervisor that runs them in pods. */
@Injectable()
export class LocalCommandExecutor extends CommandExecutor {
  constructor(private readonly workspaces: Workspaces) {
    super();
  }

  defaultDirectory(instance: Instance): string {
    return instance.id;
  }

  locate(projectId: string): Promise<Instance> {
    const id = this.workspaces.directory(projectId);
    const { spoolDirectory } = this.workspaces;
    return Promise.resolve({ id, containerId: null, pod: null, container: null, node: null, spoolDirectory });
  }

  async observe(instance: Instance): Promise<InstanceState> {
    const found = await stat(instance.id).catch(() => null);
    if (found !== null) return { kind: 'present' };
    return { kind: 'gone', reason: 'pod_lost', detail: 'The directory of the project is gone.' };
  }

  start(instance: Instance, request: StartRequest, from: StreamPosition, signal: AbortSignal): Attachment {
    return this.supervisor(instance).run(request, from, signal);
  }

  attach(instance: Instance, commandId: string, from: StreamPosition, signal: AbortSignal): Attachment {
    return this.supervisor(instance).attach(commandId, from, signal);
  }

  signal(instance: Instance, commandId: string, name: SignalName): Promise<boolean> {
    return this.supervisor(instance).signal(commandId, name);
  }

  sweep(instance: Instance, maxAgeSeconds: number): Promise<void> {
    return this.supervisor(instance).sweep([], maxAgeSeconds);
  }

  cancel(instance: Instance, commandId: string, graceSeconds: number): Promise<KillReport | null> {
    return this.supervisor(instance).cancel(commandId, graceSeconds);
  }

  private supervisor({ id, spoolDirectory }: Instance): Supervisor {
    return new Supervisor(openLocalChannel({ cwd: id, env: this.workspaces.environment }), spoolDirectory);
  }
}
