import {
  ClusterUnavailable,
  KubernetesClient,
  type ObservedPod,
  PodExec,
  PodInformer,
  type Termination,
  choosePod,
} from '@app/kubernetes';
import { ProjectNotRunning } from '@app/projects';
import { Supervisor } from '@app/supervisor';
import { Injectable } from '@nestjs/common';
import type { InstanceState } from '../../application/command-executor.js';
import type { Instance } from '../../domain/command.js';
import { SupervisedCommandExecutor } from '../supervised-command-executor.js';

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
    const pod = this.informer.get(instance.id);
    if (pod === null) return { kind: 'gone', reason: 'pod_lost', detail: `The pod ${instance.pod ?? ''} is gone.` };
    if (pod.status === 'unknown') return { kind: 'unreachable', detail: pod.reason ?? 'The node does not answer.' };
    return containerState(pod, instance);
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

function containerState(pod: ObservedPod, { containerId, container }: Instance): InstanceState {
  if (pod.phase === 'Failed' || pod.phase === 'Succeeded') {
    const reason = /evict/i.test(pod.reason ?? '') ? 'evicted' : 'pod_lost';
    return { kind: 'gone', reason, detail: pod.reason ?? 'The pod has ended.' };
  }
  const present = pod.containers.find(({ name }) => name === container);
  if (present?.containerId === containerId && present.running) return { kind: 'present' };
  return containerGone(present?.lastTermination ?? null);
}

function containerGone(end: Termination | null): InstanceState {
  if (end === null) return { kind: 'gone', reason: 'container_restarted', detail: 'The container has ended.' };
  const detail = `The container has ended: ${end.reason ?? 'unknown'}, exit code ${String(end.exitCode)}.`;
  return { kind: 'gone', reason: end.reason === 'OOMKilled' ? 'oom_killed' : 'container_restarted', detail };
}

function containerOf({ containers, container }: ObservedPod): ObservedPod['containers'][number] | undefined {
  return containers.find(({ name }) => name === container);
}
