import {
  ClusterUnavailable,
  KubernetesClient,
  type ObservedPod,
  PodExec,
  PodInformer,
  choosePod,
} from '@app/kubernetes';
import { ProjectNotRunning } from '@app/projects';
import { Supervisor } from '@app/supervisor';
import { Injectable } from '@nestjs/common';
import type { InstanceState } from '../../application/command-executor.js';
import type { Instance } from '../../domain/command.js';
import { SupervisedCommandExecutor } from '../supervised-command-executor.js';
import { instanceState } from './instance-state.js';

const SPOOL_ANNOTATION = 'rdev.dev/spool-dir';
const DEFAULT_DIRECTORY = '/workspace';

/** Runs commands in pods: exec starts a supervisor there and attaches to it, and the informer tells whether the pod lives. */
@Injectable()
export class KubernetesCommandExecutor extends SupervisedCommandExecutor {
  constructor(
    private readonly informer: PodInformer,
    private readonly exec: PodExec,
    private readonly client: KubernetesClient,
  ) {
    super();
  }

  defaultDirectory(): string {
    return DEFAULT_DIRECTORY;
  }

  locate(projectId: string): Promise<Instance> {
    if (!this.informer.state.synced)
      return Promise.reject(new ClusterUnavailable(new Error('The pods of the cluster are not known yet.')));
    const pod = choosePod(this.informer.list().filter(({ project }) => project === projectId));
    if (pod === null) return Promise.reject(new ProjectNotRunning(projectId, 'stopped', 'it has no pod'));
    const containerId = containerOf(pod)?.containerId ?? null;
    if (pod.status !== 'running' || containerId === null) {
      return Promise.reject(new ProjectNotRunning(projectId, pod.status, pod.reason));
    }
    const { uid: id, name, container, node, annotations } = pod;
    const spoolDirectory = annotations[SPOOL_ANNOTATION] ?? null;
    return Promise.resolve({ id, containerId, pod: name, container, node, spoolDirectory });
  }

  observe(instance: Instance): Promise<InstanceState> {
    return Promise.resolve(this.stateOf(instance));
  }

  private stateOf(instance: Instance): InstanceState {
    const { synced, staleSince } = this.informer.state;
    if (!synced || staleSince !== null) return { kind: 'unreachable', detail: 'The Kubernetes API does not answer.' };
    return instanceState(this.informer.get(instance.id), instance);
  }

  protected supervisor({ pod, container, containerId, id, spoolDirectory }: Instance): Supervisor {
    return new Supervisor(async (argv, signal) => {
      // A name leads to whatever pod has it now; the command is bound to one instance of it.
      const current = this.informer.get(id);
      if (current !== null && containerOf(current)?.containerId !== containerId) {
        throw new Error('The container is not the one that the command was bound to.');
      }
      if (current === null && this.informer.state.synced) throw new Error('The pod is gone.');
      const target = { namespace: this.client.namespace, pod: pod ?? '', container: container ?? '' };
      return this.exec.openChannel(target, argv, signal);
    }, spoolDirectory);
  }
}

function containerOf({ containers, container }: ObservedPod): ObservedPod['containers'][number] | undefined {
  return containers.find(({ name }) => name === container);
}
