/** Names the container that commands run in; takes precedence over kubectl's annotation. */
export const CONTAINER_ANNOTATION = 'rdev.dev/container';
export const KUBECTL_ANNOTATION = 'kubectl.kubernetes.io/default-container';

/**
 * The container that commands run in. Our annotation is binding even if it names a container that does not exist:
 * running elsewhere would be worse than not running. kubectl's annotation is a hint, as it is for kubectl.
 * @param names the pod's containers in order; a pod has at least one
 */
export function chooseContainer(annotations: Readonly<Record<string, string>>, names: readonly string[]): string {
  const ours = annotations[CONTAINER_ANNOTATION];
  if (ours) return ours;
  const hint = annotations[KUBECTL_ANNOTATION];
  if (hint && names.includes(hint)) return hint;
  return names[0] ?? '';
}
