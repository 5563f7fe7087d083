export type StreamName = 'stdout' | 'stderr';

/** Bytes of each stream, counted from the start. */
export interface StreamPosition {
  readonly stdout: number;
  readonly stderr: number;
}

export type Program =
  /** Run as a file: by the program of its `#!` line, else by `sh`. Line ends of CRLF and a byte order mark do not matter. */
  | { readonly script: string }
  /** Exactly these arguments, no shell. */
  | { readonly argv: readonly string[] };

export interface StartRequest {
  readonly commandId: string;
  readonly program: Program;
  /** Null: the fallback if it exists, else where the launcher runs. A directory that is named and missing fails the start. */
  readonly cwd: string | null;
  readonly fallbackCwd: string | null;
  /** Added to the environment of the launcher. */
  readonly env: Readonly<Record<string, string>>;
  readonly stdin:
    { readonly kind: 'none' } | { readonly kind: 'text'; readonly text: string } | { readonly kind: 'open' };
  readonly timeoutSeconds: number;
  /** Null: no such limit. */
  readonly noOutputTimeoutSeconds: number | null;
  /** Between SIGTERM and SIGKILL when a timeout ends the command. */
  readonly graceSeconds: number;
  /** Most bytes of each stream that are stored; the rest is read and counted. */
  readonly outputLimitBytes: number;
  /** Leave running what the main process leaves behind. */
  readonly keepBackground: boolean;
}

/** More of an open stdin. */
export interface StdinPiece {
  readonly data: Buffer;
  /** Where the data begins, in bytes from the start; null: behind all that was put so far. */
  readonly offset: number | null;
  /** Nothing comes after it. */
  readonly eof: boolean;
}

/** What became of a piece of stdin, and how many bytes were put so far. */
export interface StdinOutcome {
  /**
   * `full`: too much waits for the command. `closed`: its end was put before, nobody reads it any more, or it was never open.
   * `offset`: what was put so far does not end where the piece begins. Only `accepted` has put anything.
   */
  readonly kind: 'accepted' | 'full' | 'closed' | 'offset';
  readonly offset: number;
}

/** What was found when a process tree was killed. */
export interface KillReport {
  /** A last look found nothing of the tree. */
  readonly killVerified: boolean;
  /** Processes of the tree that are still there. */
  readonly survivors: number;
  /** They were found by the mark that all of them inherit. Otherwise by session, parentage and environment, which a process can leave. */
  readonly isMarked: boolean;
}

/** Written once, atomically, by the supervisor when the main process has ended and its output is stored. */
export interface ExitRecord {
  readonly reason: 'exited' | 'signaled' | 'timed_out' | 'no_output' | 'cancelled' | 'start_failed';
  /** Null unless the main process exited by itself. */
  readonly exitCode: number | null;
  /** Such as `SIGKILL`; null unless a signal ended the main process. */
  readonly signal: string | null;
  /** Why it could not be started; only with `start_failed`. */
  readonly detail: string | null;
  /** By the machine's uptime, not the wall clock. */
  readonly durationMs: number;
  /** Processor time of the main process and its waited-for children; null where it cannot be told. */
  readonly cpuMs: number | null;
  /** Bytes that were read from the command. */
  readonly produced: StreamPosition;
  /** Bytes of them that the spools hold. */
  readonly stored: StreamPosition;
  /** What cancel or timeout found; null if neither happened. */
  readonly kill: KillReport | null;
  /** Processes left behind by the main process that were killed; null with `keepBackground`. */
  readonly leftKilled: number | null;
}

export interface OutputChunk {
  readonly stream: StreamName;
  readonly data: Buffer;
}

export type AttachmentEnd =
  /** The record is there and all stored bytes were delivered. */
  | { readonly kind: 'ended'; readonly record: ExitRecord }
  /** The supervisor is proved dead and left no record; stored bytes were delivered. */
  | { readonly kind: 'supervisor-gone'; readonly detail: string }
  /** No claim of that command is here. */
  | { readonly kind: 'absent' }
  /** A spool is shorter than the position asked for. */
  | { readonly kind: 'spool-short'; readonly spool: StreamPosition }
  /** The environment lacks what the supervisor needs, named in the detail. */
  | { readonly kind: 'unsupported'; readonly detail: string }
  /** Nothing was run this time, and nothing will be: what was said, in the detail. */
  | { readonly kind: 'refused'; readonly detail: string }
  /** The wire broke: nothing is known. Attach again. */
  | { readonly kind: 'dropped'; readonly cause: Error };

/** A view of one command from a position on. */
export interface Attachment {
  /**
   * Settles when the far side has answered: whether this call made the claim (`started`), found it taken (`taken`),
   * or found nothing that it could attach to (null; `end` says why). Rejects never.
   */
  readonly opened: Promise<'started' | 'taken' | null>;
  /** The output from the position on, as it comes; each stream in order. Not reading it holds the far side back. One reader. */
  readonly chunks: AsyncIterable<OutputChunk>;
  /** Settles after the last chunk was taken. */
  readonly end: Promise<AttachmentEnd>;
  /** Tells the far side that everything is kept, so that its spool may go. Only after an `ended`. Best effort. */
  acknowledge(): Promise<void>;
  /** Lets go; the command goes on. */
  close(): void;
}

/** The signals that may be sent to a command. */
export const SIGNAL_NAMES = [
  'HUP',
  'INT',
  'QUIT',
  'TERM',
  'KILL',
  'USR1',
  'USR2',
  'STOP',
  'CONT',
  'WINCH',
  'ALRM',
] as const;

/** A signal's name without SIG. */
export type SignalName = (typeof SIGNAL_NAMES)[number];

/**
 * `ignored`: not sent, as commands start with this signal ignored where this one runs, and none of its processes handles it.
 * `ended`: the command has ended or is absent.
 */
export type SignalOutcome = 'sent' | 'ignored' | 'ended';
