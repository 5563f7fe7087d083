import { chooseContainer } from './choose-container.js';
import { type ObservedContainer, type ObservedPod, PROJECT_LABEL } from './observed-pod.js';
import type { ContainerStatusJson, PodJson } from './pod-json.js';
import { statusOf } from './pod-status.js';

/** @throws Error if this is not a pod */
// eslint-disable-next-line complexity -- one entry for each field, all of which may be absent
export function observePod(pod: PodJson): ObservedPod {
  const { metadata, spec } = pod;
  if (!metadata?.uid || !metadata.name || !spec) throw new Error('The API sent an object that is not a pod.');
  const annotations = metadata.annotations ?? {};
  const names = spec.containers.map(({ name }) => name);
  const owner = metadata.ownerReferences?.find(({ controller }) => controller);
  const container = chooseContainer(annotations, names);
  const containers = spec.containers.map(({ name, image }) =>
    observeContainer(name, image, pod.status?.containerStatuses),
  );
  const initContainers = (spec.initContainers ?? []).map(({ name, image }) =>
    observeContainer(name, image, pod.status?.initContainerStatuses),
  );
  return {
    uid: metadata.uid,
    name: metadata.name,
    namespace: metadata.namespace ?? '',
    project: metadata.labels?.[PROJECT_LABEL] ?? '',
    labels: metadata.labels ?? {},
    annotations,
    phase: pod.status?.phase ?? 'Unknown',
    ...statusOf(pod, containers, container),
    ready: pod.status?.conditions?.some(({ type, status }) => type === 'Ready' && status === 'True') ?? false,
    createdAt: toDate(metadata.creationTimestamp) ?? new Date(0),
    deletionTimestamp: toDate(metadata.deletionTimestamp),
    finalizers: metadata.finalizers ?? [],
    node: spec.nodeName ?? null,
    container,
    containers,
    initContainers,
    ownerKind: owner?.kind ?? null,
    ownerName: owner?.name ?? null,
  };
}

// eslint-disable-next-line complexity -- as above
function observeContainer(
  name: string,
  image: string | undefined,
  statuses: readonly ContainerStatusJson[] = [],
): ObservedContainer {
  const status = statuses.find((one) => one.name === name);
  const ended = status?.state?.terminated ?? status?.lastState?.terminated;
  const waiting = status?.state?.waiting;
  return {
    name,
    image: image ?? '',
    containerId: status?.containerID ?? null,
    running: status?.state?.running !== undefined,
    ready: status?.ready ?? false,
    restartCount: status?.restartCount ?? 0,
    lastTermination: ended
      ? {
          reason: ended.reason ?? null,
          exitCode: ended.exitCode,
          finishedAt: toDate(ended.finishedAt),
          message: ended.message?.trim() ?? null,
        }
      : null,
    waiting: waiting ? { reason: waiting.reason ?? null, message: waiting.message ?? null } : null,
  };
}

function toDate(value: Date | string | undefined): Date | null {
  return value ? new Date(value) : null;
}
