import { execFile } from 'node:child_process';

export interface RunOptions {
  readonly env: Readonly<Record<string, string>>;
  readonly signal: AbortSignal;
  readonly timeoutMs: number;
}

/** Runs a program of this machine without a shell. @throws an Error with its stderr, at most 2 KiB */
export function runProgram(
  program: string,
  args: readonly string[],
  { env, signal, timeoutMs }: RunOptions,
): Promise<void> {
  return new Promise((resolve, reject) => {
    execFile(program, [...args], { env, signal, timeout: timeoutMs, maxBuffer: 2 ** 20 }, (error, _stdout, stderr) => {
      if (error === null) resolve();
      else reject(new Error(stderr.trim().slice(-2048) || error.message, { cause: error }));
    });
  });
}
