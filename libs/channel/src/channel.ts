import type { Readable, Writable } from 'node:stream';

/** How a channel ended. `exited` means the far side's process ended and said so; anything else is `dropped`. */
export type ChannelEnd =
  { readonly kind: 'exited'; readonly code: number | null } | { readonly kind: 'dropped'; readonly cause: Error };

/** The channel cannot be opened there, nothing was run, and asking again changes nothing: no such program, no right to it. */
export class ChannelRefused extends Error {}

/**
 * One run of the supervisor's launcher somewhere: a child process on this machine, or an exec in a pod.
 * It is a wire, not a process handle: when it drops, nothing is known of what it started.
 */
export interface Channel {
  /** Ending it may or may not reach the far side as EOF: never depend on it. */
  readonly stdin: Writable;
  /** Both honour back-pressure; both end when the channel does. */
  readonly stdout: Readable;
  readonly stderr: Readable;
  /** Settles once, when the channel is over and its streams have been pushed to the end; never rejects. */
  readonly ended: Promise<ChannelEnd>;
  /** Lets go of the channel at once. The far side goes on. */
  destroy(): void;
}

/**
 * Runs the argument vector where the commands run.
 * @throws {@link ChannelRefused}, or another error if it cannot be started or the place cannot be reached
 */
export type OpenChannel = (argv: readonly string[], signal?: AbortSignal) => Promise<Channel>;
