import type { ObservedContainer, PodStatus, Termination } from './observed-pod.js';
import type { ConditionJson, ContainerStateJson, PodJson } from './pod-json.js';

interface Verdict {
  readonly status: PodStatus;
  readonly reason: string | null;
}

/** Waiting reasons that need intervention, as text for people. */
const PERSISTENT: Readonly<Record<string, string>> = {
  ErrImagePull: 'the image cannot be pulled',
  ImagePullBackOff: 'the image cannot be pulled',
  ErrImageNeverPull: 'the image is not on the node, and its pull policy is Never',
  InvalidImageName: 'the image has an invalid name',
  ImageInspectError: 'the image cannot be inspected',
  RegistryUnavailable: 'the image registry is unavailable',
  CreateContainerConfigError: 'the container cannot be configured',
  CreateContainerError: 'the container cannot be created',
  RunContainerError: 'the container cannot be started',
  CrashLoopBackOff: 'the container keeps exiting (CrashLoopBackOff)',
};

/** The status of a pod, by the container that commands run in: problems of a sidecar do not count. */
// eslint-disable-next-line complexity -- the cases in the order in which they are judged
export function statusOf(pod: PodJson, containers: readonly ObservedContainer[], chosen: string): Verdict {
  const container = containers.find(({ name }) => name === chosen);
  const { phase, message, reason } = pod.status ?? {};
  const reported = sentence(reason, message);
  if (pod.metadata?.deletionTimestamp) return { status: 'terminating', reason: reported ?? 'the pod has been deleted' };
  if (phase === 'Failed')
    return { status: 'failed', reason: reported ?? endOf(container?.lastTermination) ?? 'the pod has failed' };
  if (phase === 'Succeeded') return { status: 'stopped', reason: reported ?? endOf(container?.lastTermination) };
  if (phase === 'Unknown' || isCutOff(pod))
    return { status: 'unknown', reason: reported ?? 'the node does not respond' };
  if (!container)
    return { status: 'failed', reason: `the pod has no container "${chosen}", which its annotation specifies` };
  if (container.running) return { status: 'running', reason: troubleOf(pod, container) };
  return verdictOfIdle(pod, container);
}

/** The verdict on a container that is not running in a pod that is running or pending. */
function verdictOfIdle(pod: PodJson, container: ObservedContainer): Verdict {
  const { waiting, lastTermination } = container;
  if (waiting?.reason && PERSISTENT[waiting.reason])
    return { status: 'failed', reason: wordsFor(waiting, lastTermination) };
  if (!waiting && lastTermination) return verdictOfEnded(pod, lastTermination);
  const unschedulable = condition(pod, 'PodScheduled');
  if (unschedulable?.status === 'False')
    return { status: 'pending', reason: sentence(unschedulable.reason, unschedulable.message) };
  return (
    verdictOfInit(pod) ?? {
      status: 'pending',
      reason: waiting ? wordsFor(waiting, lastTermination) : 'waiting for a node',
    }
  );
}

function verdictOfEnded(pod: PodJson, ended: Termination): Verdict {
  const policy = pod.spec?.restartPolicy ?? 'Always';
  const restarts = policy === 'Always' || (policy === 'OnFailure' && ended.exitCode !== 0);
  const end = endOf(ended);
  if (restarts) return { status: 'pending', reason: `${end ?? 'the container has ended'}; it is being restarted` };
  return { status: ended.exitCode === 0 ? 'stopped' : 'failed', reason: end };
}

/** The verdict on the init container that blocks the pod; null if none does. */
// eslint-disable-next-line complexity -- the cases in the order in which they are judged
function verdictOfInit(pod: PodJson): Verdict | null {
  const sidecars = new Set(
    pod.spec?.initContainers?.filter((one) => one.restartPolicy === 'Always').map(({ name }) => name),
  );
  for (const { name, state, lastState, started } of pod.status?.initContainerStatuses ?? []) {
    if (state?.terminated?.exitCode === 0 || (sidecars.has(name) && started)) continue;
    if (state?.running) return { status: 'pending', reason: `init container "${name}" is running` };
    const words = initWords(state, lastState);
    const stuck = Boolean(state?.terminated ?? PERSISTENT[state?.waiting?.reason ?? '']);
    return { status: stuck ? 'failed' : 'pending', reason: `init container "${name}": ${words}` };
  }
  return null;
}

function initWords(state?: ContainerStateJson, lastState?: ContainerStateJson): string {
  if (state?.terminated) return endOf(state.terminated) ?? 'has failed';
  return wordsFor(state?.waiting ?? {}, lastState?.terminated ?? null);
}

/** Problems of a running container; null if there are none. */
function troubleOf(pod: PodJson, { restartCount, lastTermination }: ObservedContainer): string | null {
  const ready = condition(pod, 'Ready');
  const unready =
    ready && ready.status !== 'True' ? `not ready: ${ready.message ?? ready.reason ?? 'no reason given'}` : null;
  const ended = restartCount > 0 ? endOf(lastTermination) : null;
  const restarted = ended
    ? `restarted ${String(restartCount)} ${restartCount === 1 ? 'time' : 'times'}; last time ${ended}`
    : null;
  return [unready, restarted].filter(Boolean).join('; ') || null;
}

/**
 * Whether the pod's node has stopped responding. The control plane then sets the pod's Ready to False and leaves
 * everything else as last reported, so the containers are ready and the pod is not. Readiness gates have the same
 * effect.
 */
function isCutOff(pod: PodJson): boolean {
  const ready = condition(pod, 'Ready');
  if (ready?.status === 'Unknown') return true;
  return (
    ready?.status === 'False' &&
    condition(pod, 'ContainersReady')?.status === 'True' &&
    !pod.spec?.readinessGates?.length
  );
}

function condition(pod: PodJson, type: string): ConditionJson | undefined {
  return pod.status?.conditions?.find((one) => one.type === type);
}

function wordsFor(
  waiting: { reason?: string | null; message?: string | null },
  ended: { reason?: string | null; exitCode: number } | null,
): string {
  const { reason, message } = waiting;
  if (reason === 'CrashLoopBackOff') return [PERSISTENT[reason], endOf(ended)].filter(Boolean).join('; last time ');
  return sentence(PERSISTENT[reason ?? ''] ?? reason, message) ?? 'waiting';
}

function endOf(ended: { reason?: string | null; exitCode: number } | null | undefined): string | null {
  if (!ended) return null;
  return ended.reason && ended.reason !== 'Error' && ended.reason !== 'Completed'
    ? `${ended.reason} (exit code ${String(ended.exitCode)})`
    : `it ended with exit code ${String(ended.exitCode)}`;
}

function sentence(reason: string | null | undefined, message: string | null | undefined): string | null {
  return [reason, message].filter(Boolean).join(': ') || null;
}
