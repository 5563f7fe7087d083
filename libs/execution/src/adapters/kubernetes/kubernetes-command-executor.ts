import { ChannelRefused, type OpenChannel } from '@app/channel';
import {
  ClusterUnavailable,
  KubernetesApiError,
  KubernetesClient,
  type ObservedPod,
  PodExec,
  PROJECT_LABEL,
  PodInformer,
  choosePod,
  observePod,
} from '@app/kubernetes';
import { ProjectNotRunning, ProjectsService, isOfAnUnknownInstall, isPodOf } from '@app/projects';
import { Standbys, Supervisor } from '@app/supervisor';
import type { V1Pod } from '@kubernetes/client-node';
import { Injectable } from '@nestjs/common';
import type { InstanceState } from '../../application/command-executor.js';
import type { Instance } from '@app/commands';
import { SupervisedCommandExecutor } from '../supervised-command-executor.js';
import { instanceState, isUp } from './instance-state.js';
import { containerOf, containerRefused, openContainers } from './pod-containers.js';

const SPOOL_ANNOTATION = 'rdev.dev/spool-dir';
/** How long the watch may lag behind the API before it counts as broken. */
const CATCH_UP_MS = 3_000;

/**
 * Runs commands in pods: exec starts a supervisor there and attaches to it, and the informer reports the pod's state.
 */
@Injectable()
export class KubernetesCommandExecutor extends SupervisedCommandExecutor {
  readonly isIsolated = true;

  constructor(
    private readonly informer: PodInformer,
    private readonly exec: PodExec,
    private readonly client: KubernetesClient,
    private readonly projects: ProjectsService,
    standbys: Standbys,
  ) {
    super(standbys);
  }

  /** Asks the informer first, then the API, which may be slightly ahead. */
  async locate(projectId: string, container: string | null = null): Promise<Instance> {
    const shown = await this.observedPod(projectId);
    const instance = shown === null ? null : instanceIn(shown, container);
    if (instance !== null) return instance;
    const pod = await this.select(projectId, await this.fetchPods(projectId));
    if (pod === null) throw new ProjectNotRunning(projectId, 'stopped', 'it has no pod');
    const ahead = instanceIn(pod, container);
    if (ahead === null) throw unavailableError(projectId, pod, container);
    await this.whenShown(ahead);
    return ahead;
  }

  async instances(projectId: string): Promise<readonly Instance[]> {
    const pod = await this.observedPod(projectId);
    const open = pod === null ? [] : openContainers(pod).map(({ name }) => instanceIn(pod, name));
    return open.filter((instance) => instance !== null);
  }

  private async observedPod(projectId: string): Promise<ObservedPod | null> {
    if (!this.informer.state.synced)
      throw new ClusterUnavailable(new Error('The pods of the cluster are not known yet.'));
    return this.select(projectId, this.informer.list());
  }

  /** Other pods may have the project's label; a pod created by rdev takes precedence. */
  private async select(projectId: string, pods: readonly ObservedPod[]): Promise<ObservedPod | null> {
    const labelled = pods.filter((pod) => pod.project === projectId && this.informer.shows(pod));
    const own = labelled.filter((pod) => isPodOf(projectId, pod));
    // A pod created by rdev proves that this install has the project, but does not say which install created the pod.
    const isCertain = own.length === labelled.length && !own.some(isOfAnUnknownInstall);
    if (isCertain || (await this.projects.findManaged(projectId)) !== null) return choosePod(own);
    return choosePod(labelled.filter((pod) => !isOfAnUnknownInstall(pod)));
  }

  private async fetchPods(projectId: string): Promise<readonly ObservedPod[]> {
    const query = new URLSearchParams({ labelSelector: `${PROJECT_LABEL}=${projectId}` });
    const path = `/api/v1/namespaces/${this.client.namespace}/pods?${query.toString()}`;
    const { items } = (await this.client.getJson(path)) as { items: readonly V1Pod[] };
    return items.map(observePod);
  }

  /**
   * Waits until the informer shows the instance: it treats unknown pods as gone, so a command must not be bound
   * earlier.
   */
  private whenShown(instance: Instance): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<undefined>();
    const check = (): void => {
      if (instanceState(this.informer.get(instance.id), instance).kind === 'present') resolve(undefined);
    };
    const unsubscribe = this.informer.onChange(check);
    const timer = setTimeout(() => {
      reject(new ClusterUnavailable(new Error('The watch lags behind.')));
    }, CATCH_UP_MS);
    check();
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
    if (!synced || staleSince !== null) return { kind: 'unreachable', detail: 'The Kubernetes API does not respond.' };
    return instanceState(this.informer.get(instance.id), instance);
  }

  /** No process outlives the pod. */
  reap(): Promise<number> {
    return Promise.resolve(0);
  }

  protected supervisor(instance: Instance): Supervisor {
    const { pod, container, id, containerId, spoolDirectory } = instance;
    const target = { namespace: this.client.namespace, pod: pod ?? '', container: container ?? '' };
    const open: OpenChannel = async (argv, signal) => {
      const current = this.informer.get(id);
      if (current !== null) checkInstance(current, instance);
      else if (this.informer.state.synced) throw new Error('The pod is gone.');
      return this.exec.openChannel(target, argv, signal);
    };
    return new Supervisor(open, spoolDirectory, {
      confirm: (signal) => this.confirm(instance, signal),
      standby: this.standbys.of([id, container, containerId, spoolDirectory].join(' ')),
    });
  }

  /**
   * An exec names a pod, and whichever pod has the name gets it: while the watch lags behind, that may be a replacement,
   * where nothing is claimed and a command would start again. A pod that has the name after the exec was opened had it
   * before, since no UID comes back.
   */
  private async confirm(instance: Instance, signal?: AbortSignal): Promise<void> {
    const path = `/api/v1/namespaces/${this.client.namespace}/pods/${encodeURIComponent(instance.pod ?? '')}`;
    try {
      checkInstance(observePod((await this.client.getJson(path, { signal })) as V1Pod), instance);
    } catch (error) {
      if (error instanceof KubernetesApiError && error.status === 403)
        throw new ChannelRefused(error.message, { cause: error });
      throw error;
    }
  }
}

/** @throws if the pod is another one, or its container has ended; one that restarts keeps its id for a while */
function checkInstance(pod: ObservedPod, { id, container, containerId }: Instance): void {
  if (pod.uid !== id) throw new Error('The pod is not the one that the command was bound to.');
  const found = containerOf(pod, container);
  if (found?.running !== true || found.containerId !== containerId)
    throw new Error('The container is not the one that the command was bound to.');
}

/** Null if no command can run there now. @param wanted name of a container; null: the default */
function instanceIn(pod: ObservedPod, wanted: string | null): Instance | null {
  const open = openContainers(pod).find(({ name }) => name === (wanted ?? pod.container));
  if (!isUp(pod) || !open?.running || open.containerId === null) return null;
  const { uid: id, name, node, annotations } = pod;
  const spoolDirectory = annotations[SPOOL_ANNOTATION] ?? null;
  return { id, containerId: open.containerId, pod: name, container: open.name, node, spoolDirectory };
}

function unavailableError(projectId: string, pod: ObservedPod, wanted: string | null): Error {
  if (wanted === null || !isUp(pod)) return new ProjectNotRunning(projectId, pod.status, pod.reason);
  return containerRefused(pod, wanted);
}
