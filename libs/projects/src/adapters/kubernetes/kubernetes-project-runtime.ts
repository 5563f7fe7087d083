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
  isOfAnUnknownInstall,
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
  troubleIn,
  unlessStuck,
  whyStuck,
} from './project-trouble.js';

const NAME_ANNOTATION = 'rdev.dev/name';
/** So long a project may just be on its way; after that somebody wants to know why it does not come up. */
const PATIENCE_MS = 1_500;
/** The clocks of the cluster and the database may differ by so much. */
const CLOCK_SKEW_MS = 5_000;

/** A project is a pod that carries the label `rdev.dev/project`, of somebody's making or of a StatefulSet of rdev's. */
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
    return this.informer.state.staleSince !== null;
  }

  get outage(): ClusterUnavailable | null {
    return this.informer.state.isAway ? new ClusterUnavailable() : null;
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

  directoryOf(): string {
    return '/workspace';
  }

  validate({ gitUrl }: Pick<ProjectSpec, 'gitUrl'>): void {
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

  async assertFree(id: string): Promise<void> {
    const paths = [this.statefulSet(id), this.volumeClaim(id), this.networkPolicy(id)];
    try {
      const [statefulSet, ...others] = await Promise.all(paths.map((path) => this.objects.find(path)));
      // A volume that nobody has labelled was left by a release before; a StatefulSet says that its project is there.
      const isTaken = statefulSet && isManaged(statefulSet) && !statefulSet.metadata?.labels?.[INSTALL_LABEL];
      const isForeign = [statefulSet, ...others].some((object) => object && this.objects.isForeign(object));
      if (isTaken || isForeign) throw new ProjectOfAnotherInstall(id, this.client.namespace);
    } catch (error) {
      // What the API refuses is said of the project, with what to do about it.
      if (!(error instanceof KubernetesApiError)) throw error;
    }
  }

  async reconcile(project: ManagedProject, signal: AbortSignal): Promise<Finding> {
    try {
      return await this.ensure(project, signal);
    } catch (error) {
      if (error instanceof NotOurs) return { status: 'failed', reason: error.message };
      // Where not even pods may be seen any more, it is not the project that is refused.
      if (error instanceof KubernetesApiError && this.stale) throw new ClusterUnavailable(error);
      if (error instanceof KubernetesApiError) return refused(error);
      throw error;
    }
  }

  async remove({ id, keepStorage }: ManagedProject, signal: AbortSignal): Promise<boolean> {
    const statefulSet = await this.objects.find<V1StatefulSet>(this.statefulSet(id), signal);
    const isForeign = statefulSet !== null && (!isManaged(statefulSet) || this.objects.isForeign(statefulSet));
    if (!isForeign) await this.objects.remove(this.statefulSet(id), signal);
    // Its policy guards the pod to the end, and its volume cannot go before it.
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

  /** Makes what is missing or other than wanted, and looks how the project is. @throws {@link NotOurs} */
  private async ensure(project: ManagedProject, signal: AbortSignal): Promise<Finding> {
    const statefulSet = await this.ownStatefulSet(project.id, signal);
    // Of two installs that create the project at once, the one that creates the claim gets all of it.
    const claim = await this.ensureVolumeClaim(project, signal);
    await this.ensureNetworkPolicy(project, signal);
    // A claim that was deleted goes when no pod uses it any more; a new pod would keep it from that.
    const isGoing = claim?.metadata?.deletionTimestamp !== undefined;
    const isThere = statefulSet !== null && statefulSet.spec?.replicas !== 0;
    const isDue = !isGoing || isThere || project.desired === 'stopped';
    const current = isDue ? await this.ensureStatefulSet(project, statefulSet, signal) : statefulSet;
    const condition = await this.observe(project, uidsOf(current, claim), signal);
    const obstacle = isGoing ? 'the volume was deleted, and goes with its pod' : null;
    const volume = claim?.metadata?.uid;
    return { ...condition, reason: condition.reason ?? obstacle, ...(volume !== undefined && { volume }) };
  }

  private async ownStatefulSet(id: string, signal: AbortSignal): Promise<V1StatefulSet | null> {
    const found = await this.objects.find<V1StatefulSet>(this.statefulSet(id), signal);
    if (found === null || isManaged(found)) return found && this.objects.own(this.statefulSet(id), signal);
    const name = objectName(id);
    throw new NotOurs(`the namespace has a StatefulSet "${name}" that is not rdev's. Remove it, or choose another id`);
  }

  /** A claim that is there stays as it is: it may hold what an earlier project of that id left. */
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
   * A pod that runs is replaced only for a wish of a client. What a newer rdev, or another default, would do otherwise
   * comes with the next start: it must not end commands.
   */
  private async ensureStatefulSet(
    project: ManagedProject,
    current: V1StatefulSet | null,
    signal: AbortSignal,
  ): Promise<V1StatefulSet | null> {
    const wanted = statefulSetOf(project, this.defaults, this.install.id);
    if (current === null) return this.objects.create(this.statefulSets, wanted, signal);
    const replicas = wanted.spec?.replicas;
    const isAsWished = current.metadata?.annotations?.[TEMPLATE_ANNOTATION] === templateKey(project);
    if (isAsWished && current.spec?.replicas === replicas) return current;
    const isIdle = current.spec?.replicas === 0;
    const template = isAsWished && !isIdle ? {} : { template: wanted.spec?.template };
    const metadata = { uid: current.metadata?.uid, annotations: wanted.metadata?.annotations };
    await this.objects.change(this.statefulSet(project.id), { metadata, spec: { replicas, ...template } }, signal);
    return current;
  }

  /**
   * By the API, not by the informer, whose view may be a moment old: the status never goes back to what it was before.
   */
  private async observe(project: ManagedProject, owners: readonly string[], signal: AbortSignal): Promise<Condition> {
    const pod = await this.pod(project.id, signal);
    const stuck = pod === null ? null : whyStuck(pod, this.clock.now());
    if (project.desired === 'stopped') {
      const status = pod === null ? 'stopped' : 'stopping';
      return { status, reason: stuck ?? unlessStuck(project.reason) };
    }
    if (stuck !== null) return { status: 'pending', reason: stuck };
    if (pod !== null && pod.annotations[TEMPLATE_ANNOTATION] !== templateKey(project)) {
      // Whatever is in its way is of no more concern.
      return { status: 'pending', reason: 'waiting for the pod before it to end' };
    }
    const condition: Condition = pod === null ? { status: 'pending', reason: 'waiting for a pod' } : conditionOf(pod);
    const waitedMs = this.clock.now().getTime() - project.changedAt.getTime();
    const isOnItsWay = waitedMs < PATIENCE_MS || pod?.status === 'terminating';
    if (condition.status !== 'pending' || isOnItsWay) return condition;
    return troubleIn(await this.events(project, pod, owners, signal)) ?? condition;
  }

  /** Those that tell why this pod does not come up, or why there is none. */
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
    // By UID, as what a former project of that id consisted of had the same names, and so had each pod of this one.
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

  private chosen(id: string): ObservedProject | null {
    const pods = this.informer.list().filter((pod) => pod.project === id && !isOfAnUnknownInstall(pod));
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

/** Of the StatefulSet, which tells of a pod that could not be made until it was, and of the volume claim. */
function uidsOf(...objects: readonly (V1StatefulSet | V1PersistentVolumeClaim | null)[]): readonly string[] {
  return objects.flatMap((object) => object?.metadata?.uid ?? []);
}

function toProject(pod: ObservedPod): ObservedProject {
  const { project: id, status, reason, labels, annotations, name, node, createdAt, containers, container } = pod;
  const image = containers.find((candidate) => candidate.name === container)?.image ?? null;
  return { id, name: annotations[NAME_ANNOTATION] ?? id, status, reason, image, labels, pod: name, node, createdAt };
}
