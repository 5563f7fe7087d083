import { stat } from 'node:fs/promises';
import { Workspaces } from '@app/local';
import { Supervisor, openLocalChannel } from '@app/supervisor';
import { Injectable } from '@nestjs/common';
import type { InstanceState } from '../../application/command-executor.js';
import type { Instance } from '../../domain/command.js';
import { SupervisedCommandExecutor } from '../supervised-command-executor.js';

/** Runs commands as processes of this machine, under the same supervisor that runs them in pods. */
@Injectable()
export class LocalCommandExecutor extends SupervisedCommandExecutor {
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

  protected supervisor({ id, spoolDirectory }: Instance): Supervisor {
    return new Supervisor(openLocalChannel({ cwd: id, env: this.workspaces.environment }), spoolDirectory);
  }
}
