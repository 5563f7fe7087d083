import type { Readable, Writable } from 'node:stream';

/** How a channel ended. `exited`: the remote process ended and its end was reported. Anything else is `dropped`. */
export type ChannelEnd =
  { readonly kind: 'exited'; readonly code: number | null } | { readonly kind: 'dropped'; readonly cause: Error };

/** The channel cannot be opened, nothing was run, and a retry would fail too: no such program, or no permission. */
export class ChannelRefused extends Error {}

/**
 * One run of the supervisor's launcher: a child process on this machine, or an exec in a pod.
 * It is a connection, not a process handle: when it drops, the state of what it started is unknown.
 */
export interface Channel {
  /** Ending it may or may not reach the remote side as EOF: do not depend on it. */
  readonly stdin: Writable;
  /** Both streams honour back-pressure and end with the channel. */
  readonly stdout: Readable;
  readonly stderr: Readable;
  /** Resolves when the channel has ended and its streams have received their last bytes; never rejects. */
  readonly ended: Promise<ChannelEnd>;
  /** Closes the channel immediately. The remote side continues. */
  destroy(): void;
}

/**
 * Runs the argument vector where the commands run.
 * @throws {@link ChannelRefused}, or another error if it cannot be started or the remote side is unreachable
 */
export type OpenChannel = (argv: readonly string[], signal?: AbortSignal) => Promise<Channel>;
