import type { ObservedPod } from './observed-pod.js';

/** The pod that stands for a project: the oldest that is ready, else the most hopeful one; null if there is none. */
export function choosePod(pods: readonly ObservedPod[]): ObservedPod | null {
  return [...pods].sort((a, b) => rank(a) - rank(b) || age(a, b))[0] ?? null;
}

const HOPE: Record<ObservedPod['status'], number> = {
  running: 1,
  pending: 2,
  unknown: 3,
  failed: 4,
  terminating: 5,
  stopped: 6,
};

function rank({ status, ready }: ObservedPod): number {
  return status === 'running' && ready ? 0 : HOPE[status];
}

function age(a: ObservedPod, b: ObservedPod): number {
  return a.createdAt.getTime() - b.createdAt.getTime() || (a.uid < b.uid ? -1 : 1);
}
