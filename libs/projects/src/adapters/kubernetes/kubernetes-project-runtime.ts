import {
  ClusterUnavailable,
  KubernetesApiError,
  KubernetesClient,
  type ObservedPod,
  PodInformer,
  choosePod,
  observePod,
  orNull,
} from '@app/kubernetes';
import { InvalidInput } from '@app/kernel';
import type { V1PersistentVolumeClaim, V1Pod, V1StatefulSet } from '@kubernetes/client-node';
import { Injectable } from '@nestjs/common';
import { ProjectRuntime } from '../../application/project-runtime.js';
import type { Condition, ManagedProject, ObservedProject, ProjectSpec } from '../../domain/project.js';
import { ProjectDefaults } from './project-defaults.js';
import {
  MANAGED_LABEL,
  TEMPLATE_ANNOTATION,
  isPodOf,
  networkPolicyOf,
  objectName,
  podName,
  statefulSetOf,
  templateKey,
  volumeClaimOf,
} from './project-objects.js';
import { type ClusterEvent, conditionOf, eventsSince, refused, troubleIn } from './project-trouble.js';

const NAME_ANNOTATION = 'rdev.dev/name';
/** So long a project may just be on its way; after that somebody wants to know why it does not come up. */
const PATIENCE_MS = 1_500;
/** The clocks of the cluster and the database may differ by so much. */
const CLOCK_SKEW_MS = 5_000;

/** A project is a pod that carries the label `rdev.dev/project`, of somebody's making or of a StatefulSet of rdev's. */
@Injectable()
export class KubernetesProjectRuntime extends ProjectRuntime {
  readonly kind = 'kubernetes';

  constructor(
    private readonly informer: PodInformer,
    private readonly client: KubernetesClient,
    private readonly defaults: ProjectDefaults,
  ) {
    super();
  }

  get stale(): boolean {
    return this.informer.state.staleSince !== null;
  }

  observed(): readonly ObservedProject[] {
    if (!this.informer.state.synced) throw new ClusterUnavailable();
    const ids = new Set(this.informer.list().map(({ project }) => project));
    return [...ids].flatMap((id) => this.chosen(id) ?? []);
  }

  /** What is absent from an old view may be there by now: that is no answer. */
  find(id: string): ObservedProject | null {
    const project = this.chosen(id);
    if (project === null && (this.stale || !this.informer.state.synced)) throw new ClusterUnavailable();
    return project;
  }

  lastSeen(id: string): ObservedProject | null {
    const pod = this.informer.list().find((candidate) => isPodOf(id, candidate));
    return pod === undefined ? null : toProject(pod);
  }

  validate({ gitUrl }: ProjectSpec): void {
    if (gitUrl === null) return;
    const pointer = '#/gitUrl';
    if (!/^(https?|ssh|git):\/\/|^[\w.-]+@[\w.-]+:/.test(gitUrl)) {
      throw new InvalidInput([{ pointer, detail: 'must be an http, https, ssh or git URL, or an scp-like address' }]);
    }
    // It would be in the pod's description, for all who may see pods.
    if (/^https?:\/\/[^/]*@|^[a-z]+:\/\/[^/@]*:[^/@]*@/.test(gitUrl)) {
      const detail = 'must not have credentials; put them into a Secret and name it by gitSecretName';
      throw new InvalidInput([{ pointer, detail }]);
    }
  }

  async reconcile(project: ManagedProject, signal: AbortSignal): Promise<Condition> {
    try {
      const obstacle = await this.ensure(project, signal);
      if (obstacle?.status === 'failed') return obstacle;
      const condition = await this.observe(project, signal);
      return { ...condition, reason: condition.reason ?? obstacle?.reason ?? null };
    } catch (error) {
      if (error instanceof KubernetesApiError) return refused(error);
      throw error;
    }
  }

  async remove({ id, keepStorage }: ManagedProject, signal: AbortSignal): Promise<boolean> {
    const statefulSet = await this.get<V1StatefulSet>(this.statefulSet(id), signal);
    if (statefulSet !== null && isOurs(statefulSet)) await this.client.remove(this.statefulSet(id), { signal });
    // Its policy guards the pod to the end, and its volume cannot go before it.
    if ((await this.pod(id, signal)) !== null) return false;
    await this.client.remove(this.networkPolicy(id), { signal });
    if (keepStorage) return true;
    await this.client.remove(this.volumeClaim(id), { signal });
    return (await this.get(this.volumeClaim(id), signal)) === null;
  }

  check(signal: AbortSignal): Promise<void> {
    return this.client.reachable(signal);
  }

  onChange(listener: (id: string) => void): () => void {
    return this.informer.onChange(({ pod }) => {
      listener(pod.project);
    });
  }

  /** Makes what is missing or other than wanted. Answers what is in the way of that; null: nothing. */
  private async ensure(project: ManagedProject, signal: AbortSignal): Promise<Condition | null> {
    const { id } = project;
    const statefulSet = await this.get<V1StatefulSet>(this.statefulSet(id), signal);
    if (statefulSet !== null && !isOurs(statefulSet)) {
      const reason = `the namespace has a StatefulSet "${objectName(id)}" that is not rdev's. Remove it, or choose another id`;
      return { status: 'failed', reason };
    }
    const [hasVolume] = await Promise.all([
      this.ensureVolumeClaim(project, signal),
      this.ensureNetworkPolicy(project, signal),
    ]);
    // A claim that was deleted goes when no pod uses it any more; a new pod would keep it from that.
    const isThere = statefulSet !== null && statefulSet.spec?.replicas !== 0;
    if (hasVolume || isThere || project.desired === 'stopped')
      await this.ensureStatefulSet(project, statefulSet, signal);
    return hasVolume ? null : { status: 'pending', reason: 'the volume was deleted, and goes with its pod' };
  }

  /** A claim that is there stays as it is: it may hold what an earlier project of that id left. False: it is on its way out. */
  private async ensureVolumeClaim(project: ManagedProject, signal: AbortSignal): Promise<boolean> {
    const claim = await this.get<V1PersistentVolumeClaim>(this.volumeClaim(project.id), signal);
    if (claim === null) await this.createOnce(this.volumeClaims, volumeClaimOf(project, this.defaults), signal);
    return claim?.metadata?.deletionTimestamp === undefined;
  }

  private async ensureNetworkPolicy(project: ManagedProject, signal: AbortSignal): Promise<void> {
    const policy = networkPolicyOf(project, this.defaults);
    const patched = await orNull(this.client.patch(this.networkPolicy(project.id), { spec: policy.spec }, { signal }));
    if (patched === null) await this.createOnce(this.networkPolicies, policy, signal);
  }

  /**
   * A pod that runs is replaced only for a wish of a client. What a newer rdev, or another default, would do otherwise
   * comes with the next start: it must not end commands.
   */
  private async ensureStatefulSet(
    project: ManagedProject,
    current: V1StatefulSet | null,
    signal: AbortSignal,
  ): Promise<void> {
    const wanted = statefulSetOf(project, this.defaults);
    if (current === null) return this.createOnce(this.statefulSets, wanted, signal);
    const replicas = wanted.spec?.replicas;
    const isAsWished = current.metadata?.annotations?.[TEMPLATE_ANNOTATION] === templateKey(project);
    if (isAsWished && current.spec?.replicas === replicas) return;
    const isIdle = current.spec?.replicas === 0;
    const template = isAsWished && !isIdle ? {} : { template: wanted.spec?.template };
    const change = { metadata: { annotations: wanted.metadata?.annotations }, spec: { replicas, ...template } };
    await this.client.patch(this.statefulSet(project.id), change, { signal });
  }

  /** Another replica may have been faster. */
  private async createOnce(collection: string, object: object, signal: AbortSignal): Promise<void> {
    try {
      await this.client.create(collection, object, { signal });
    } catch (error) {
      if (!(error instanceof KubernetesApiError) || error.reason !== 'AlreadyExists') throw error;
    }
  }

  /** By the API, not by the informer, whose view may be a moment old: the status never goes back to what it was before. */
  private async observe(project: ManagedProject, signal: AbortSignal): Promise<Condition> {
    const pod = await this.pod(project.id, signal);
    if (project.desired === 'stopped') {
      return pod === null
        ? { status: 'stopped', reason: project.reason }
        : { status: 'stopping', reason: project.reason };
    }
    if (pod !== null && pod.annotations[TEMPLATE_ANNOTATION] !== templateKey(project)) {
      // Whatever is in its way is of no more concern.
      return { status: 'pending', reason: 'waiting for the pod before it to end' };
    }
    const condition: Condition = pod === null ? { status: 'pending', reason: 'waiting for a pod' } : conditionOf(pod);
    const waitedMs = Date.now() - project.changedAt.getTime();
    const isOnItsWay = waitedMs < PATIENCE_MS || pod?.status === 'terminating';
    if (condition.status !== 'pending' || isOnItsWay) return condition;
    return troubleIn(await this.events(project, pod, signal)) ?? condition;
  }

  /** Those that tell why this pod does not come up, or why there is none. */
  private async events(
    { id, changedAt }: ManagedProject,
    pod: ObservedPod | null,
    signal: AbortSignal,
  ): Promise<readonly ClusterEvent[]> {
    const of = async (field: string, value: string): Promise<readonly ClusterEvent[]> => {
      const query = new URLSearchParams({ fieldSelector: `involvedObject.${field}=${value}`, limit: '50' });
      const path = `${this.core}/events?${query.toString()}`;
      const { items = [] } = (await this.client.getJson(path, { signal })) as { items?: readonly ClusterEvent[] };
      return items;
    };
    // Each pod of the project has the same name, and the kubelet may report late of the one before.
    const [ofPod, ofOthers] = await Promise.all([
      pod === null ? [] : of('uid', pod.uid),
      // The volume claim and the StatefulSet, which tells of a pod that could not be made until it was.
      of('name', objectName(id)),
    ]);
    const since = new Date(changedAt.getTime() - CLOCK_SKEW_MS);
    const others = eventsSince(ofOthers, since).filter(({ reason }) => !(pod !== null && reason === 'FailedCreate'));
    return [...ofPod, ...others];
  }

  private async pod(id: string, signal: AbortSignal): Promise<ObservedPod | null> {
    const pod = await this.get<V1Pod>(`${this.core}/pods/${podName(id)}`, signal);
    return pod === null ? null : observePod(pod);
  }

  private async get<T>(path: string, signal: AbortSignal): Promise<T | null> {
    return (await orNull(this.client.getJson(path, { signal }))) as T | null;
  }

  private chosen(id: string): ObservedProject | null {
    const pod = choosePod(this.informer.list().filter(({ project }) => project === id));
    return pod === null || id === '' ? null : toProject(pod);
  }

  private get core(): string {
    return `/api/v1/namespaces/${this.client.namespace}`;
  }

  private get volumeClaims(): string {
    return `${this.core}/persistentvolumeclaims`;
  }

  private get statefulSets(): string {
    return `/apis/apps/v1/namespaces/${this.client.namespace}/statefulsets`;
  }

  private get networkPolicies(): string {
    return `/apis/networking.k8s.io/v1/namespaces/${this.client.namespace}/networkpolicies`;
  }

  private volumeClaim(id: string): string {
    return `${this.volumeClaims}/${objectName(id)}`;
  }

  private statefulSet(id: string): string {
    return `${this.statefulSets}/${objectName(id)}`;
  }

  private networkPolicy(id: string): string {
    return `${this.networkPolicies}/${objectName(id)}`;
  }
}

function isOurs({ metadata }: V1StatefulSet): boolean {
  return metadata?.labels?.[MANAGED_LABEL] === 'true';
}

function toProject(pod: ObservedPod): ObservedProject {
  const { project: id, status, reason, labels, annotations, name, node, createdAt, containers, container } = pod;
  const image = containers.find((candidate) => candidate.name === container)?.image ?? null;
  return { id, name: annotations[NAME_ANNOTATION] ?? id, status, reason, image, labels, pod: name, node, createdAt };
}
