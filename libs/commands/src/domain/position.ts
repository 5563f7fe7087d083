/** Bytes of each stream that are stored or declared missing. */
export interface Position {
  readonly stdout: number;
  readonly stderr: number;
}

export const START: Position = { stdout: 0, stderr: 0 };
