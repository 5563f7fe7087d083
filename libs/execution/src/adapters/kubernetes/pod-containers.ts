import type { ObservedPod } from '@app/kubernetes';
import { ContainerRefused } from '@app/commands';

/** Comma-separated list of the pod's other containers that commands may name. */
export const CONTAINERS_ANNOTATION = 'rdev.dev/containers';

type Container = ObservedPod['containers'][number];

/**
 * The containers that commands may run in: the default, and those that the pod's annotation lists. Others, such as an
 * injected proxy, may have privileges that the project does not have. Never an init or ephemeral container.
 */
export function openContainers({ annotations, container, containers }: ObservedPod): readonly Container[] {
  const listed = (annotations[CONTAINERS_ANNOTATION] ?? '').split(',').map((name) => name.trim());
  return containers.filter(({ name }) => name === container || listed.includes(name));
}

export function containerOf({ containers }: ObservedPod, wanted: string | null): Container | undefined {
  return containers.find(({ name }) => name === wanted);
}

/**
 * Why commands cannot run in that container of a running pod. The command ends with this, so it lists the alternatives.
 */
export function containerRefused(pod: ObservedPod, wanted: string): ContainerRefused {
  const open = openContainers(pod);
  const names = open.map(({ name, running }) => (running ? name : `${name} (not running)`)).join(', ');
  const container = open.find(({ name }) => name === wanted);
  return new ContainerRefused(
    container === undefined
      ? `The pod "${pod.name}" has no container "${wanted}" that commands may run in. They may run in: ${names}. ` +
          `The annotation ${CONTAINERS_ANNOTATION} of the pod lists more.`
      : `The container "${wanted}" of the pod "${pod.name}" is not running${stateOf(container)}. Commands may run in: ${names}.`,
  );
}

function stateOf({ waiting, lastTermination }: Container): string {
  const words = waiting ? [waiting.reason, waiting.message] : [lastTermination?.reason];
  const text = words.filter(Boolean).join(': ');
  return text === '' ? '' : ` (${text})`;
}
