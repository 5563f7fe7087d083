import { type ChannelEnd, ChannelRefused } from '@app/channel';
import { KubernetesApiError, type StatusBody, isFinalForExec, parseStatus } from './kubernetes.errors.js';

/**
 * The end that the frame on the status channel reports. It is `exited` only with an exit code from the kubelet: a
 * missing program, a container that cannot be entered and a broken link behind the API server are failures without a
 * code.
 */
export function endFromStatus(frame: string): ChannelEnd {
  const status = parseStatus(frame);
  if (status?.status === 'Success') return { kind: 'exited', code: 0 };
  const code = exitCodeIn(status);
  if (code !== null) return { kind: 'exited', code };
  const message = status?.message ?? 'The exec returned an unreadable status.';
  const error = new KubernetesApiError(status?.code ?? 0, status?.reason ?? '', message);
  const isFinal = isFinalForExec(error);
  return { kind: 'dropped', cause: isFinal ? new ChannelRefused(error.message, { cause: error }) : error };
}

function exitCodeIn(status: StatusBody | null): number | null {
  const cause = status?.details?.causes?.find(({ reason }) => reason === 'ExitCode');
  return cause?.message !== undefined && /^\d{1,3}$/.test(cause.message) ? Number(cause.message) : null;
}
