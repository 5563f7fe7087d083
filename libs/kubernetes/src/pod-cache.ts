import { isDeepStrictEqual } from 'node:util';
import type { ObservedPod } from './observed-pod.js';

/** A change of one pod. For `removed`, `pod` is the last state seen. */
export interface PodChange {
  readonly type: 'added' | 'changed' | 'removed';
  readonly pod: ObservedPod;
}

/** The pods last seen, by UID. Mutating methods return the changes. */
export class PodCache {
  private readonly pods = new Map<string, ObservedPod>();

  get size(): number {
    return this.pods.size;
  }

  list(): readonly ObservedPod[] {
    return [...this.pods.values()];
  }

  get(uid: string): ObservedPod | null {
    return this.pods.get(uid) ?? null;
  }

  /** Replaces all pods: those missing from the list are removed, even without an event. */
  replace(pods: readonly ObservedPod[]): PodChange[] {
    const uids = new Set(pods.map(({ uid }) => uid));
    const gone = this.list().filter(({ uid }) => !uids.has(uid));
    return [...gone.flatMap((pod) => this.remove(pod)), ...pods.flatMap((pod) => this.set(pod))];
  }

  set(pod: ObservedPod): PodChange[] {
    const before = this.pods.get(pod.uid);
    this.pods.set(pod.uid, pod);
    if (!before) return [{ type: 'added', pod }];
    return isDeepStrictEqual(before, pod) ? [] : [{ type: 'changed', pod }];
  }

  remove(pod: ObservedPod): PodChange[] {
    return this.pods.delete(pod.uid) ? [{ type: 'removed', pod }] : [];
  }
}
