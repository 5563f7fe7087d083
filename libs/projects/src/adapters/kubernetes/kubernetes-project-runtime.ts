import {
  ClusterUnavailable,
  INSTALL_LABEL,
  KubernetesApiError,
  KubernetesClient,
  type ObservedPod,
  PodInformer,
  choosePod,
  observePod,
} from '@app/kubernetes';
import { Clock, Install, InvalidInput } from '@app/kernel';
import type { V1NetworkPolicy, V1PersistentVolumeClaim, V1Pod, V1StatefulSet } from '@kubernetes/client-node';
import { Injectable } from '@nestjs/common';
import { ProjectRuntime } from '../../application/project-runtime.js';
import {
  type Condition,
  type Finding,
  type ManagedProject,
  type ObservedProject,
  PROJECT_ID,
  type ProjectSpec,
} from '../../domain/project.js';
import { ProjectOfAnotherInstall } from '../../domain/project.errors.js';
import { NotOurs, OwnedObjects, isManaged } from './owned-objects.js';
import { ProjectDefaults } from './project-defaults.js';
import {
  TEMPLATE_ANNOTATION,
  isManagedPod,
  isPodOf,
  networkPolicyOf,
  objectName,
  podName,
  statefulSetOf,
  templateKey,
  volumeClaimOf,
} from './project-objects.js';
import {
  type ClusterEvent,
  conditionOf,
  eventsSince,
  refused,
  diagnose,
  withoutStuck,
  stuckReason,
} from './project-diagnosis.js';

const NAME_ANNOTATION = 'rdev.dev/name';
/** How long a project may be pending before its events are searched for the reason. */
const PATIENCE_MS = 1_500;
/** The most by which the clocks of the cluster and the database may differ. */
const CLOCK_SKEW_MS = 5_000;

/** A project is a pod with the label `rdev.dev/project`, created by a client or by a StatefulSet of rdev. */
@Injectable()
export class KubernetesProjectRuntime implements ProjectRuntime {
  readonly kind = 'kubernetes';
  readonly isInstant = false;
  readonly isRemote = true;
  readonly hasContainers = true;
  private readonly objects: OwnedObjects;

  constructor(
    private readonly informer: PodInformer,
    private readonly client: KubernetesClient,
    private readonly defaults: ProjectDefaults,
    private readonly clock: Clock,
    private readonly install: Install,
  ) {
    this.objects = new OwnedObjects(client, install);
  }

  get stale(): boolean {
    return this.informer.state.staleSince !== null || this.client.outage !== null;
  }

  get outage(): ClusterUnavailable | null {
    return this.client.outage ?? (this.informer.state.isAway ? new ClusterUnavailable() : null);
  }

  observed(): readonly ObservedProject[] {
    if (!this.informer.state.synced) throw new ClusterUnavailable();
    const ids = new Set(this.informer.list().map(({ project }) => project));
    return [...ids].flatMap((id) => this.select(id) ?? []);
  }

  /** Does not report a project as absent from a stale view: it may exist by now. */
  find(id: string): ObservedProject | null {
    const project = this.select(id);
    if (project === null && (this.stale || !this.informer.state.synced)) throw new ClusterUnavailable();
    return project;
  }

  lastSeen(id: string): ObservedProject | null {
    const pod = this.informer.list().find((candidate) => isPodOf(id, candidate));
    return pod === undefined ? null : toProject(pod);
  }

  directoryOf(): string {
    return '/workspace';
  }

  validate({ gitUrl }: Pick<ProjectSpec, 'gitUrl'>): void {
    if (gitUrl === null) return;
    const pointer = '#/gitUrl';
    if (!/^(https?|ssh|git):\/\/|^[\w.-]+@[\w.-]+:/.test(gitUrl)) {
      throw new InvalidInput([{ pointer, detail: 'must be an http, https, ssh or git URL, or an scp-like address' }]);
    }
    // It would be in the pod's description, visible to everyone who may read pods.
    if (/^https?:\/\/[^/]*@|^[a-z]+:\/\/[^/@]*:[^/@]*@/.test(gitUrl)) {
      const detail = 'must not have credentials; put them into a Secret and name it by gitSecretName';
      throw new InvalidInput([{ pointer, detail }]);
    }
  }

  async assertFree(id: string): Promise<void> {
    const paths = [this.statefulSet(id), this.volumeClaim(id), this.networkPolicy(id)];
    try {
      const [statefulSet, ...others] = await Promise.all(paths.map((path) => this.objects.find(path)));
      // An unlabelled volume may be left from an earlier release; an unlabelled StatefulSet means that its project
      // exists.
      const isTaken = statefulSet && isManaged(statefulSet) && !statefulSet.metadata?.labels?.[INSTALL_LABEL];
      const isForeign = [statefulSet, ...others].some((object) => object && this.objects.isForeign(object));
      if (isTaken || isForeign) throw new ProjectOfAnotherInstall(id, this.client.namespace);
    } catch (error) {
      // A refusal by the API is reported as the project's reason, with advice.
      if (!(error instanceof KubernetesApiError)) throw error;
    }
  }

  async reconcile(project: ManagedProject, signal: AbortSignal): Promise<Finding> {
    try {
      return await this.ensure(project, signal);
    } catch (error) {
      if (error instanceof NotOurs) return { status: 'failed', reason: error.message };
      // If rdev may not even read pods any more, it is not this project that is refused.
      if (error instanceof KubernetesApiError && this.stale) throw new ClusterUnavailable(error);
      if (error instanceof KubernetesApiError) return refused(error);
      throw error;
    }
  }

  async remove({ id, keepStorage }: ManagedProject, signal: AbortSignal): Promise<boolean> {
    const statefulSet = await this.objects.find<V1StatefulSet>(this.statefulSet(id), signal);
    const isForeign = statefulSet !== null && (!isManaged(statefulSet) || this.objects.isForeign(statefulSet));
    if (!isForeign) await this.objects.remove(this.statefulSet(id), signal);
    // The network policy guards the pod until it ends, and the volume cannot be removed before that.
    if (!isForeign && (await this.pod(id, signal)) !== null) return false;
    await this.objects.remove(this.networkPolicy(id), signal);
    return keepStorage || this.objects.remove(this.volumeClaim(id), signal);
  }

  check(signal: AbortSignal): Promise<void> {
    return this.client.reachable(signal);
  }

  onChange(listener: (id: string) => void): () => void {
    return this.informer.onChange(({ pod }) => {
      listener(pod.project);
    });
  }

  /** Creates missing objects, updates changed ones, and returns the project's state. @throws {@link NotOurs} */
  private async ensure(project: ManagedProject, signal: AbortSignal): Promise<Finding> {
    const statefulSet = await this.ownStatefulSet(project.id, signal);
    // If two installs create the project concurrently, the one that creates the claim gets all of it.
    const claim = await this.ensureVolumeClaim(project, signal);
    await this.ensureNetworkPolicy(project, signal);
    // A deleted claim is removed once no pod uses it; a new pod would prevent that.
    const isGoing = claim?.metadata?.deletionTimestamp !== undefined;
    const isThere = statefulSet !== null && statefulSet.spec?.replicas !== 0;
    const isDue = !isGoing || isThere || project.desired === 'stopped';
    const current = isDue ? await this.ensureStatefulSet(project, statefulSet, signal) : statefulSet;
    const condition = await this.observe(project, uidsOf(current, claim), signal);
    const obstacle = isGoing ? 'the volume was deleted and will be removed with its pod' : null;
    const volume = claim?.metadata?.uid;
    return { ...condition, reason: condition.reason ?? obstacle, ...(volume !== undefined && { volume }) };
  }

  private async ownStatefulSet(id: string, signal: AbortSignal): Promise<V1StatefulSet | null> {
    const found = await this.objects.find<V1StatefulSet>(this.statefulSet(id), signal);
    if (found === null || isManaged(found)) return found && this.objects.own(this.statefulSet(id), signal);
    const name = objectName(id);
    throw new NotOurs(`the namespace has a StatefulSet "${name}" that is not rdev's. Remove it, or choose another id`);
  }

  /** An existing claim is not changed: it may contain the files of an earlier project with this id. */
  private async ensureVolumeClaim(
    project: ManagedProject,
    signal: AbortSignal,
  ): Promise<V1PersistentVolumeClaim | null> {
    const claim = await this.objects.own<V1PersistentVolumeClaim>(this.volumeClaim(project.id), signal);
    if (claim !== null) return claim;
    return this.objects.create(this.volumeClaims, volumeClaimOf(project, this.defaults, this.install.id), signal);
  }

  private async ensureNetworkPolicy(project: ManagedProject, signal: AbortSignal): Promise<void> {
    const path = this.networkPolicy(project.id);
    const policy = networkPolicyOf(project, this.defaults, this.install.id);
    const current = await this.objects.own<V1NetworkPolicy>(path, signal);
    if (current === null) await this.objects.create(this.networkPolicies, policy, signal);
    else await this.objects.change(path, { metadata: { uid: current.metadata?.uid }, spec: policy.spec }, signal);
  }

  /**
   * A running pod is replaced only when a client asks for it. Changes by a newer rdev or new defaults apply at the next
   * start, since they must not end commands.
   */
  private async ensureStatefulSet(
    project: ManagedProject,
    current: V1StatefulSet | null,
    signal: AbortSignal,
  ): Promise<V1StatefulSet | null> {
    const wanted = statefulSetOf(project, this.defaults, this.install.id);
    if (current === null) return this.objects.create(this.statefulSets, wanted, signal);
    const replicas = wanted.spec?.replicas;
    const isUpToDate = current.metadata?.annotations?.[TEMPLATE_ANNOTATION] === templateKey(project);
    if (isUpToDate && current.spec?.replicas === replicas) return current;
    const isIdle = current.spec?.replicas === 0;
    const template = isUpToDate && !isIdle ? {} : { template: wanted.spec?.template };
    const metadata = { uid: current.metadata?.uid, annotations: wanted.metadata?.annotations };
    await this.objects.change(this.statefulSet(project.id), { metadata, spec: { replicas, ...template } }, signal);
    return current;
  }

  /** Reads from the API instead of the informer, which may be behind: the status must not revert to an earlier one. */
  private async observe(project: ManagedProject, owners: readonly string[], signal: AbortSignal): Promise<Condition> {
    const pod = await this.pod(project.id, signal);
    const stuck = pod === null ? null : stuckReason(pod, this.clock.now());
    if (project.desired === 'stopped') {
      const status = pod === null ? 'stopped' : 'stopping';
      return { status, reason: stuck ?? withoutStuck(project.reason) };
    }
    if (stuck !== null) return { status: 'pending', reason: stuck };
    if (pod !== null && pod.annotations[TEMPLATE_ANNOTATION] !== templateKey(project)) {
      // The old pod's problems no longer matter.
      return { status: 'pending', reason: 'waiting for the previous pod to end' };
    }
    const condition: Condition = pod === null ? { status: 'pending', reason: 'waiting for a pod' } : conditionOf(pod);
    const waitedMs = this.clock.now().getTime() - project.changedAt.getTime();
    const isStarting = waitedMs < PATIENCE_MS || pod?.status === 'terminating';
    if (condition.status !== 'pending' || isStarting) return condition;
    return diagnose(await this.events(project, pod, owners, signal)) ?? condition;
  }

  /** The events that explain why this pod does not start, or why there is none. */
  private async events(
    { changedAt }: ManagedProject,
    pod: ObservedPod | null,
    owners: readonly string[],
    signal: AbortSignal,
  ): Promise<readonly ClusterEvent[]> {
    const of = async (uid: string): Promise<readonly ClusterEvent[]> => {
      const query = new URLSearchParams({ fieldSelector: `involvedObject.uid=${uid}`, limit: '50' });
      const path = `${this.core}/events?${query.toString()}`;
      const { items = [] } = (await this.client.getJson(path, { signal })) as { items?: readonly ClusterEvent[] };
      return items;
    };
    // By UID, since objects of an earlier project with this id, and earlier pods of this one, had the same names.
    const [ofPod, ...ofOthers] = await Promise.all([pod === null ? [] : of(pod.uid), ...owners.map(of)]);
    const since = new Date(changedAt.getTime() - CLOCK_SKEW_MS);
    const others = eventsSince(ofOthers.flat(), since).filter(
      ({ reason }) => !(pod !== null && reason === 'FailedCreate'),
    );
    return [...ofPod, ...others];
  }

  private async pod(id: string, signal: AbortSignal): Promise<ObservedPod | null> {
    const pod = await this.objects.find<V1Pod>(`${this.core}/pods/${podName(id)}`, signal);
    return pod === null || this.objects.isForeign(pod) ? null : observePod(pod);
  }

  /** The project of a pod that rdev did not create: a pod of a project that was deleted may still be seen for a while. */
  private select(id: string): ObservedProject | null {
    const pods = this.informer.list().filter((pod) => pod.project === id && !isManagedPod(pod));
    const pod = choosePod(pods);
    return pod === null || !PROJECT_ID.test(id) ? null : toProject(pod);
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

/** The UIDs of the StatefulSet, whose events include failures to create the pod, and of the volume claim. */
function uidsOf(...objects: readonly (V1StatefulSet | V1PersistentVolumeClaim | null)[]): readonly string[] {
  return objects.flatMap((object) => object?.metadata?.uid ?? []);
}

function toProject(pod: ObservedPod): ObservedProject {
  const { project: id, status, reason, labels, annotations, name, node, createdAt, containers, container } = pod;
  const image = containers.find((candidate) => candidate.name === container)?.image ?? null;
  return { id, name: annotations[NAME_ANNOTATION] ?? id, status, reason, image, labels, pod: name, node, createdAt };
}
