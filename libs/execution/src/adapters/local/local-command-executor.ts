import { stat } from 'node:fs/promises';
import { resolve } from 'node:path';
import { Workspaces } from '@app/local';
import { ProjectNotRunning } from '@app/projects';
import { type Attachment, type StartRequest, Standbys, type StreamPosition, Supervisor } from '@app/supervisor';
import { openLocalChannel } from '@app/channel';
import { Injectable } from '@nestjs/common';
import type { InstanceState } from '../../application/command-executor.js';
import type { Instance } from '@app/commands';
import { SupervisedCommandExecutor } from '../supervised-command-executor.js';

/** Runs commands as processes of this machine, under the same supervisor as in pods. */
@Injectable()
export class LocalCommandExecutor extends SupervisedCommandExecutor {
  readonly isIsolated = false;

  constructor(
    private readonly workspaces: Workspaces,
    standbys: Standbys,
  ) {
    super(standbys);
  }

  async locate(projectId: string): Promise<Instance> {
    const id = this.workspaces.directory(projectId);
    const { spoolDirectory } = this.workspaces;
    if ((await stat(id).catch(() => null)) === null) {
      throw new ProjectNotRunning(projectId, 'failed', 'its directory is gone');
    }
    return { id, containerId: null, pod: null, container: null, node: null, spoolDirectory };
  }

  async instances(projectId: string): Promise<readonly Instance[]> {
    return [await this.locate(projectId)];
  }

  /** A missing directory fails the start. A container falls back to another directory, but this machine has none. */
  override start(instance: Instance, request: StartRequest, from: StreamPosition, signal: AbortSignal): Attachment {
    return super.start(
      instance,
      { ...request, cwd: resolve(instance.id, request.cwd ?? '.'), fallbackCwd: instance.id },
      from,
      signal,
    );
  }

  /** This machine is always present; what happens to the directory does not end a command. */
  observe(): Promise<InstanceState> {
    return Promise.resolve({ kind: 'present' });
  }

  reap(projectId: string): Promise<number> {
    const { spoolDirectory } = this.workspaces;
    return this.supervisor({ spoolDirectory }).clear(this.workspaces.directory(projectId));
  }

  protected supervisor({ spoolDirectory }: Pick<Instance, 'spoolDirectory'>): Supervisor {
    const open = openLocalChannel({ cwd: '/', env: this.workspaces.environment });
    return new Supervisor(open, spoolDirectory, { standby: this.standbys.of('') });
  }
}
