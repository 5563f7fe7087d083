import { constants } from 'node:os';

/** Linux numbers, even if this machine is not Linux. Real-time signals have no names here. */
const NAMES = new Map<number, string>([
  ...(process.platform === 'linux'
    ? Object.entries(constants.signals).map(([name, number]) => [number, name] as const)
    : []),
  ...(
    [
      'HUP',
      'INT',
      'QUIT',
      'ILL',
      'TRAP',
      'ABRT',
      'BUS',
      'FPE',
      'KILL',
      'USR1',
      'SEGV',
      'USR2',
      'PIPE',
      'ALRM',
      'TERM',
    ] as const
  ).map((name, index) => [index + 1, `SIG${name}`] as const),
]);

/** How the main process ended: `e <code>` exited, `s <number>` killed by a signal, `- 0` unknown. */
export function decodeWaitStatus(kind: string, value: number): { exitCode: number | null; signal: string | null } {
  return {
    exitCode: kind === 'e' ? value : null,
    signal: kind === 's' ? (NAMES.get(value) ?? `SIG${String(value)}`) : null,
  };
}
