import type { ObservedPod } from './observed-pod.js';

/** The pod of a project: the oldest ready one, otherwise the one closest to ready; null if there is none. */
export function choosePod(pods: readonly ObservedPod[]): ObservedPod | null {
  return [...pods].sort((a, b) => rank(a) - rank(b) || age(a, b))[0] ?? null;
}

const RANKS: Record<ObservedPod['status'], number> = {
  running: 1,
  pending: 2,
  unknown: 3,
  failed: 4,
  terminating: 5,
  stopped: 6,
};

function rank({ status, ready }: ObservedPod): number {
  return status === 'running' && ready ? 0 : RANKS[status];
}

function age(a: ObservedPod, b: ObservedPod): number {
  return a.createdAt.getTime() - b.createdAt.getTime() || (a.uid < b.uid ? -1 : 1);
}
