import { ClusterUnavailable, KubernetesClient, type ObservedPod, PodInformer, choosePod } from '@app/kubernetes';
import { Injectable } from '@nestjs/common';
import { ProjectRuntime } from '../../application/project-runtime.js';
import type { ObservedProject } from '../../domain/project.js';

const NAME_ANNOTATION = 'rdev.dev/name';

/** A project is a pod that carries the label `rdev.dev/project`, as the informer sees it. */
@Injectable()
export class KubernetesProjectRuntime extends ProjectRuntime {
  readonly kind = 'kubernetes';
  readonly canCreate = false;

  constructor(
    private readonly informer: PodInformer,
    private readonly client: KubernetesClient,
  ) {
    super();
  }

  get stale(): boolean {
    return this.informer.state.staleSince !== null;
  }

  observed(): readonly ObservedProject[] {
    if (!this.informer.state.synced) throw new ClusterUnavailable();
    const ids = new Set(this.informer.list().map(({ project }) => project));
    return [...ids].flatMap((id) => this.lastSeen(id) ?? []);
  }

  /** What is absent from an old view may be there by now: that is no answer. */
  find(id: string): ObservedProject | null {
    const project = this.lastSeen(id);
    if (project === null && (this.stale || !this.informer.state.synced)) throw new ClusterUnavailable();
    return project;
  }

  provision(): Promise<void> {
    return Promise.reject(new Error('Pods are not created through the API.'));
  }

  dispose(): Promise<void> {
    return Promise.reject(new Error('Pods are not deleted through the API.'));
  }

  check(signal: AbortSignal): Promise<void> {
    return this.client.reachable(signal);
  }

  onChange(listener: (project: ObservedProject) => void): () => void {
    return this.informer.onChange(({ pod }) => {
      const project = this.lastSeen(pod.project);
      if (project !== null) listener(project);
    });
  }

  private lastSeen(id: string): ObservedProject | null {
    const pod = choosePod(this.informer.list().filter(({ project }) => project === id));
    return pod === null || id === '' ? null : toProject(pod);
  }
}

function toProject(pod: ObservedPod): ObservedProject {
  const { project: id, status, reason, labels, annotations, name, node, createdAt, containers, container } = pod;
  const image = containers.find((candidate) => candidate.name === container)?.image ?? null;
  return { id, name: annotations[NAME_ANNOTATION] ?? id, status, reason, image, labels, pod: name, node, createdAt };
}
