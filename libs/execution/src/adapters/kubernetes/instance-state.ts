import type { ObservedPod, Termination } from '@app/kubernetes';
import type { InstanceState } from '../../application/command-executor.js';
import type { Instance } from '@app/commands';

type Gone = Extract<InstanceState, { kind: 'gone' }>;

/** The state of the instance that a command is bound to, from its pod; null: no pod has that UID. */
export function instanceState(pod: ObservedPod | null, instance: Instance): InstanceState {
  if (pod === null) return gone('pod_lost', `The pod ${instance.pod ?? ''} is gone.`);
  if (pod.status === 'unknown') return { kind: 'unreachable', detail: pod.reason ?? 'The node does not respond.' };
  const container = pod.containers.find(({ name }) => name === instance.container);
  const isRunning = container?.running === true && container.containerId === instance.containerId;
  return isRunning && !hasEnded(pod) ? { kind: 'present' } : goneReason(pod, container?.lastTermination ?? null);
}

/** Whether containers of the pod can be entered, depending on their own state. */
export function isUp(pod: ObservedPod): boolean {
  return pod.status !== 'terminating' && pod.status !== 'unknown' && !hasEnded(pod);
}

function goneReason(pod: ObservedPod, end: Termination | null): Gone {
  if (end?.reason === 'OOMKilled') return gone('oom_killed', ending(end));
  if (hasEnded(pod)) {
    return gone(/evict/i.test(pod.reason ?? '') ? 'evicted' : 'pod_lost', pod.reason ?? 'The pod has ended.');
  }
  // Its containers end before the pod is removed.
  if (pod.deletionTimestamp !== null) return gone('pod_lost', 'The pod was deleted.');
  return gone('container_restarted', ending(end));
}

function hasEnded({ phase }: ObservedPod): boolean {
  return phase === 'Failed' || phase === 'Succeeded';
}

function gone(reason: Gone['reason'], detail: string): Gone {
  return { kind: 'gone', reason, detail };
}

function ending(end: Termination | null): string {
  if (end === null) return 'The container has ended.';
  return `The container has ended: ${end.reason ?? 'unknown'}, exit code ${String(end.exitCode)}.`;
}
