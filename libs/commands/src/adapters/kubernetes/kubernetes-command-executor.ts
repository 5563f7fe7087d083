import {
  ClusterUnavailable,
  KubernetesClient,
  type ObservedPod,
  PodExec,
  PROJECT_LABEL,
  PodInformer,
  choosePod,
  observePod,
} from '@app/kubernetes';
import { ProjectNotRunning, ProjectsService, isPodOf } from '@app/projects';
import { Supervisor } from '@app/supervisor';
import type { V1Pod } from '@kubernetes/client-node';
import { Injectable } from '@nestjs/common';
import type { InstanceState } from '../../application/command-executor.js';
import type { Instance } from '../../domain/command.js';
import { SupervisedCommandExecutor } from '../supervised-command-executor.js';
import { instanceState } from './instance-state.js';

const SPOOL_ANNOTATION = 'rdev.dev/spool-dir';
const DEFAULT_DIRECTORY = '/workspace';
/** So long the watch may lag behind the API before it counts as broken. */
const CATCH_UP_MS = 3_000;

/** Runs commands in pods: exec starts a supervisor there and attaches to it, and the informer tells whether the pod lives. */
@Injectable()
export class KubernetesCommandExecutor extends SupervisedCommandExecutor {
  constructor(
    private readonly informer: PodInformer,
    private readonly exec: PodExec,
    private readonly client: KubernetesClient,
    private readonly projects: ProjectsService,
  ) {
    super();
  }

  defaultDirectory(): string {
    return DEFAULT_DIRECTORY;
  }

  /** By what the informer shows, or by what the API says where that is not enough: it may be a moment ahead. */
  async locate(projectId: string): Promise<Instance> {
    if (!this.informer.state.synced)
      throw new ClusterUnavailable(new Error('The pods of the cluster are not known yet.'));
    const shown = await this.chosen(projectId, this.informer.list());
    const instance = shown === null ? null : instanceOf(shown);
    if (instance !== null) return instance;
    const pod = await this.chosen(projectId, await this.ask(projectId));
    if (pod === null) throw new ProjectNotRunning(projectId, 'stopped', 'it has no pod');
    const ahead = instanceOf(pod);
    if (ahead === null) throw new ProjectNotRunning(projectId, pod.status, pod.reason);
    await this.whenShown(ahead);
    return ahead;
  }

  /** Others may put the label of a project on pods of theirs; one that rdev made is the pod that rdev made. */
  private async chosen(projectId: string, pods: readonly ObservedPod[]): Promise<ObservedPod | null> {
    const labelled = pods.filter(({ project }) => project === projectId);
    const own = labelled.filter((pod) => isPodOf(projectId, pod));
    const hasForeign = own.length < labelled.length;
    return choosePod(hasForeign && !(await this.projects.isManaged(projectId)) ? labelled : own);
  }

  private async ask(projectId: string): Promise<readonly ObservedPod[]> {
    const query = new URLSearchParams({ labelSelector: `${PROJECT_LABEL}=${projectId}` });
    const path = `/api/v1/namespaces/${this.client.namespace}/pods?${query.toString()}`;
    const { items } = (await this.client.getJson(path)) as { items: readonly V1Pod[] };
    return items.map(observePod);
  }

  /** What the informer does not show counts as gone, so that a command must not be bound to it. */
  private whenShown(instance: Instance): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<undefined>();
    const look = (): void => {
      if (instanceState(this.informer.get(instance.id), instance).kind === 'present') resolve(undefined);
    };
    const unsubscribe = this.informer.onChange(look);
    const timer = setTimeout(() => {
      reject(new ClusterUnavailable(new Error('The watch lags behind.')));
    }, CATCH_UP_MS);
    look();
    return promise.finally(() => {
      unsubscribe();
      clearTimeout(timer);
    });
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

/** Null if no command can run there now. */
function instanceOf(pod: ObservedPod): Instance | null {
  const containerId = containerOf(pod)?.containerId ?? null;
  if (pod.status !== 'running' || containerId === null) return null;
  const { uid: id, name, container, node, annotations } = pod;
  return { id, containerId, pod: name, container, node, spoolDirectory: annotations[SPOOL_ANNOTATION] ?? null };
}

function containerOf({ containers, container }: ObservedPod): ObservedPod['containers'][number] | undefined {
  return containers.find(({ name }) => name === container);
}
