export const COMMAND_STATUSES = [
  'queued',
  'starting',
  'running',
  'succeeded',
  'failed',
  'cancelled',
  'timed_out',
  'lost',
  'expired',
] as const;
export type CommandStatus = (typeof COMMAND_STATUSES)[number];

const ENDED: ReadonlySet<CommandStatus> = new Set(['succeeded', 'failed', 'cancelled', 'timed_out', 'lost', 'expired']);

/** Ended states never change. */
export function hasEnded(status: CommandStatus): boolean {
  return ENDED.has(status);
}
