/** Names the container that commands run in, and comes before kubectl's own annotation. */
export const CONTAINER_ANNOTATION = 'rdev.dev/container';
export const KUBECTL_ANNOTATION = 'kubectl.kubernetes.io/default-container';

/**
 * The container that commands run in. A name in our own annotation holds even if there is no such container, as running
 * somewhere else would be worse than not at all; kubectl's annotation is a hint, as it is for kubectl.
 * @param names the pod's containers in their order; a pod has at least one
 */
export function chooseContainer(annotations: Readonly<Record<string, string>>, names: readonly string[]): string {
  const ours = annotations[CONTAINER_ANNOTATION];
  if (ours) return ours;
  const hint = annotations[KUBECTL_ANNOTATION];
  if (hint && names.includes(hint)) return hint;
  return names[0] ?? '';
}
