import { spawn } from 'node:child_process';
import type { ChildProcessWithoutNullStreams } from 'node:child_process';
import { once } from 'node:events';
import type { ChannelEnd, OpenChannel, Channel } from './channel.js';

export interface LocalChannelOptions {
  /** Working directory of the launcher. */
  readonly cwd: string;
  /** The launcher's whole environment; nothing is inherited. `PATH` finds `sh` and the other programs. */
  readonly env: Readonly<Record<string, string>>;
}

/** Opens channels to child processes. */
export function openLocalChannel({ cwd, env }: LocalChannelOptions): OpenChannel {
  return async (argv, signal) => {
    signal?.throwIfAborted();
    const [program = 'sh', ...args] = argv;
    const child = spawn(program, args, { cwd, env: { ...env }, stdio: ['pipe', 'pipe', 'pipe'] });
    await once(child, 'spawn');
    return channelOf(child, signal);
  };
}

function channelOf(child: ChildProcessWithoutNullStreams, signal?: AbortSignal): Channel {
  const { stdin, stdout, stderr } = child;
  let failure: Error | null = null;
  const { promise: ended, resolve } = Promise.withResolvers<ChannelEnd>();
  // Writing to a launcher that has exited fails; `ended` reports it.
  for (const stream of [stdin, stdout, stderr, child]) stream.on('error', (cause: Error) => (failure ??= cause));
  const destroy = () => {
    resolve({ kind: 'dropped', cause: new Error('The channel was closed locally.') });
    for (const stream of [stdin, stdout, stderr]) stream.destroy();
    child.unref();
  };
  child.once('close', (code) => {
    resolve(failure ? { kind: 'dropped', cause: failure } : { kind: 'exited', code });
    signal?.removeEventListener('abort', destroy);
  });
  signal?.addEventListener('abort', destroy, { once: true });
  return { stdin, stdout, stderr, ended, destroy };
}
