import type { KubernetesApiError, ObservedPod } from '@app/kubernetes';
import type { Condition } from '../../domain/project.js';
import { CLONE_CONTAINER } from './project-objects.js';

/** The fields of a cluster Event that are used. */
export interface ClusterEvent {
  readonly type?: string;
  readonly reason?: string;
  readonly message?: string;
  readonly lastTimestamp?: string | null;
  readonly eventTime?: string | null;
}

const IMAGE_ADVICE = 'Change the image of the project, or give pullSecretName if it needs credentials';

/** The first matching pattern applies. `$1` and the like stand for its groups. */
const ADVICE: readonly (readonly [pattern: RegExp, words: string])[] = [
  [/^Failed to pull image "[^"]*": (.*)/s, `the image cannot be pulled: $1. ${IMAGE_ADVICE}`],
  [
    /exceeded quota: (.*)/s,
    'quota exceeded: $1. Ask for less in resources or storage, delete what is not needed, or have the quota of the namespace raised',
  ],
  [
    /storageclass\.storage\.k8s\.io "([^"]*)" not found/,
    'the storage class "$1" does not exist. Delete the project, and create it with a storage.className that does, or without',
  ],
  [
    /no persistent volumes available for this claim and no storage class is set/,
    'the cluster has no default storage class. Delete the project, and create it with a storage.className, or set RDEV_STORAGE_CLASS',
  ],
  [
    /namespaces "([^"]*)" not found/,
    'the namespace "$1" does not exist. Create it, or set RDEV_NAMESPACE to one that does',
  ],
  [/violates PodSecurity "([^"]*)": (.*)/s, 'the namespace refuses the pod by its Pod Security level $1: $2'],
  [
    /(?:secrets?|Secret) "([^"]*)" not found/,
    'the Secret "$1" does not exist. Create it in the namespace of the project, or name another',
  ],
  [/admission webhook "([^"]*)" denied the request: (.*)/s, 'the admission webhook "$1" refuses it: $2'],
  [/is forbidden: (.*)/s, 'the cluster refuses it: $1'],
];

/** Applies only to errors that rdev itself gets from the API; in an event, another component lacks the permission. */
const RIGHTS: (typeof ADVICE)[number] = [
  /cannot (\w+) resource "([^"]*)".* in the namespace "([^"]*)"/s,
  'rdev is not allowed to $1 $2 in the namespace "$3". Bind the role of rdev there, or set RDEV_NAMESPACE to where it is bound',
];

/** Explains the problem and how to fix it; returns the message itself if nothing matches. */
export function explain(message: string, advice = ADVICE): string {
  return adviceOn(message, advice) ?? message.trim();
}

function adviceOn(message: string, advice = ADVICE): string | null {
  for (const [pattern, words] of advice) {
    const found = pattern.exec(message);
    if (found) return words.replaceAll(/\$(\d)/g, (_, index: string) => (found[Number(index)] ?? '').trim());
  }
  return null;
}

/**
 * "Error: ErrImagePull" accompanies an event that says more. A kubelet may see its pod before the API server allows it
 * to read what the pod needs; it then retries.
 */
const UNINFORMATIVE = /^Error: \w+$|no relationship found between node/;

/** A refusal by the API is the project's fault: it requires something that the cluster does not allow. */
export function refused(error: KubernetesApiError): Condition {
  return { status: 'failed', reason: explain(error.message, [RIGHTS, ...ADVICE]) };
}

/** The state of a project that should run, from its pod. */
export function conditionOf(pod: ObservedPod): Condition {
  const clone = cloneFailure(pod);
  if (clone !== null && pod.status !== 'terminating') return { status: 'failed', reason: clone };
  const { status, reason } = pod;
  if (status === 'terminating' || status === 'stopped') {
    return { status: 'pending', reason: 'the pod has ended; a new one is being created' };
  }
  if (status === 'failed') return { status, reason: reason === null ? null : withAdvice(reason) };
  return { status, reason };
}

/** Compared with stored reasons, so the text must not change. */
const STUCK = 'the pod does not end';
/** In addition to the pod's grace period. */
const STUCK_AFTER_MS = 10_000;

/** Why a deleted pod still exists long after it should have ended; null if it is not overdue. */
export function stuckReason(
  {
    name,
    node,
    deletionTimestamp,
    finalizers,
  }: Pick<ObservedPod, 'name' | 'node' | 'deletionTimestamp' | 'finalizers'>,
  now: Date,
): string | null {
  if (deletionTimestamp === null || now.getTime() < deletionTimestamp.getTime() + STUCK_AFTER_MS) return null;
  const since = deletionTimestamp.toISOString();
  if (finalizers.length > 0)
    return `${STUCK}, which was due at ${since}: the finalizers ${finalizers.join(', ')} hold it. Find out what should remove them`;
  return `${STUCK}, which was due at ${since}: the node "${node ?? ''}" has not reported its end. If the node is gone for good, delete its Node object or run kubectl delete pod ${name} --force`;
}

/** The previous reason, unless it is about a pod that has ended since. */
export function withoutStuck(reason: string | null): string | null {
  return reason?.includes(STUCK) === true ? null : reason;
}

function withAdvice(reason: string): string {
  if (/^the image (cannot be pulled|is not on the node|has an invalid name)/.test(reason)) {
    const words = reason.startsWith('the image cannot be pulled') ? reason : `the image cannot be pulled: ${reason}`;
    return `${words}. ${IMAGE_ADVICE}`;
  }
  return explain(reason);
}

/** Kept while the clone is retried, so that the project does not look healthy between two failures. */
function cloneFailure({ initContainers }: ObservedPod): string | null {
  const clone = initContainers.find(({ name }) => name === CLONE_CONTAINER);
  const end = clone?.lastTermination;
  if (!end || end.exitCode === 0) return null;
  const said = end.message ?? `it ended with exit code ${String(end.exitCode)}`;
  return `git clone failed: ${said}. Look at gitUrl, gitRef, gitSecretName and egress; it is tried again`;
}

/**
 * What the events of its objects say about a project that does not start; null: nothing. It has failed if the cause is
 * known and someone must act; anything else may be temporary.
 */
export function diagnose(events: readonly ClusterEvent[]): Condition | null {
  const messages = events
    .filter(({ type, reason }) => type === 'Warning' && reason !== 'FailedScheduling')
    .sort((a, b) => timeOf(b) - timeOf(a))
    .flatMap(({ message }) => (message === undefined || UNINFORMATIVE.test(message) ? [] : [message]));
  const [last] = messages;
  const [known] = messages.flatMap((message) => adviceOn(message) ?? []);
  if (known !== undefined) return { status: 'failed', reason: known };
  return last === undefined ? null : { status: 'pending', reason: last };
}

export function eventsSince(events: readonly ClusterEvent[], since: Date): readonly ClusterEvent[] {
  return events.filter((event) => timeOf(event) >= since.getTime());
}

function timeOf({ lastTimestamp, eventTime }: ClusterEvent): number {
  return Date.parse(lastTimestamp ?? eventTime ?? '');
}
