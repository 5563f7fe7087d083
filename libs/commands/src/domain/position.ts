/** Bytes of each stream that are stored or declared missing. */
export interface Position {
  readonly stdout: number;
  readonly stderr: number;
}

export const START: Position = { stdout: 0, stderr: 0 };

/** Whether a position has reached `end` on both streams. */
export function isAt(position: Position, end: Position): boolean {
  return position.stdout >= end.stdout && position.stderr >= end.stderr;
}
