import { type ChannelEnd, ChannelRefused } from '@app/channel';
import { KubernetesApiError, type StatusBody, isFinalForExec, parseStatus } from './kubernetes.errors.js';

/**
 * What the frame on the status channel says. A code is believed only if the kubelet gave one: a missing program, a
 * container that could not be entered and a broken link behind the API server come as a failure without a code.
 */
export function endFromStatus(frame: string): ChannelEnd {
  const status = parseStatus(frame);
  if (status?.status === 'Success') return { kind: 'exited', code: 0 };
  const code = exitCodeIn(status);
  if (code !== null) return { kind: 'exited', code };
  const message = status?.message ?? 'The status of the exec cannot be read.';
  const error = new KubernetesApiError(status?.code ?? 0, status?.reason ?? '', message);
  const isFinal = isFinalForExec(error);
  return { kind: 'dropped', cause: isFinal ? new ChannelRefused(error.message, { cause: error }) : error };
}

function exitCodeIn(status: StatusBody | null): number | null {
  const cause = status?.details?.causes?.find(({ reason }) => reason === 'ExitCode');
  return cause?.message !== undefined && /^\d{1,3}$/.test(cause.message) ? Number(cause.message) : null;
}
