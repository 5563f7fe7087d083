import type { ChannelEnd } from '@app/supervisor';
import { KubernetesApiError, parseStatus } from './kubernetes.errors.js';

/**
 * What the frame on the status channel says. A code is believed only if the kubelet gave one: a missing program, a
 * container that could not be entered and a broken link behind the API server come as a failure without a code.
 */
export function endFromStatus(frame: string): ChannelEnd {
  const status = parseStatus(frame);
  if (status?.status === 'Success') return { kind: 'exited', code: 0 };
  const cause = status?.details?.causes?.find(({ reason }) => reason === 'ExitCode');
  if (cause?.message !== undefined && /^\d{1,3}$/.test(cause.message))
    return { kind: 'exited', code: Number(cause.message) };
  const message = status?.message ?? 'The status of the exec cannot be read.';
  return { kind: 'dropped', cause: new KubernetesApiError(status?.code ?? 0, status?.reason ?? '', message) };
}
