export type StreamName = 'stdout' | 'stderr';

/** Bytes of each stream, counted from the start. */
export interface StreamPosition {
  readonly stdout: number;
  readonly stderr: number;
}

export type Program =
  /** Run as a file: by the program of its `#!` line, otherwise by `sh`. CRLF and a byte order mark are accepted. */
  | { readonly script: string }
  /** Exactly these arguments, without a shell. */
  | { readonly argv: readonly string[] };

export interface StartRequest {
  readonly commandId: string;
  readonly program: Program;
  /**
   * Null: the fallback if it exists, otherwise the launcher's directory. If a given directory is missing, the start
   * fails.
   */
  readonly cwd: string | null;
  readonly fallbackCwd: string | null;
  /** Added to the environment of the launcher. */
  readonly env: Readonly<Record<string, string>>;
  readonly stdin:
    { readonly kind: 'none' } | { readonly kind: 'text'; readonly text: string } | { readonly kind: 'open' };
  readonly timeoutSeconds: number;
  /** Null: no limit. */
  readonly noOutputTimeoutSeconds: number | null;
  /** Time between SIGTERM and SIGKILL when a timeout ends the command. */
  readonly graceSeconds: number;
  /** Maximum number of stored bytes of each stream; the rest is read and counted. */
  readonly outputLimitBytes: number;
  /** Do not kill the background processes that the main process leaves behind. */
  readonly keepBackground: boolean;
}

/** A piece of an open stdin. */
export interface StdinPiece {
  readonly data: Buffer;
  /** Position of the data, in bytes from the start; null: after everything written so far. */
  readonly offset: number | null;
  /** Whether the stream ends after it. */
  readonly eof: boolean;
}

/** The result for a piece of stdin, and the number of bytes written so far. */
export interface StdinOutcome {
  /**
   * `full`: the buffer is full. `closed`: stdin has ended, has no reader any more, or was never open. `offset`: the
   * piece does not begin where the bytes written so far end. Only `accepted` has written anything.
   */
  readonly kind: 'accepted' | 'full' | 'closed' | 'offset';
  readonly offset: number;
}

/** The result of killing a process tree. */
export interface KillReport {
  /** A final check found no process of the tree. */
  readonly killVerified: boolean;
  /** Number of processes of the tree that survived. */
  readonly survivors: number;
  /**
   * Whether they were found by the mark that all inherit; otherwise by session, parent and environment, which can be
   * left.
   */
  readonly isMarked: boolean;
}

/** Written once, atomically, by the supervisor after the main process has ended and its output is stored. */
export interface ExitRecord {
  readonly reason: 'exited' | 'signaled' | 'timed_out' | 'no_output' | 'cancelled' | 'start_failed';
  /** Null unless the main process exited. */
  readonly exitCode: number | null;
  /** Such as `SIGKILL`; null unless a signal killed the main process. */
  readonly signal: string | null;
  /** Why it could not be started; only for `start_failed`. */
  readonly detail: string | null;
  /** Measured by the machine's uptime, not the wall clock. */
  readonly durationMs: number;
  /** Processor time of the main process and its waited-for children; null if unknown. */
  readonly cpuMs: number | null;
  /** Bytes read from the command. */
  readonly produced: StreamPosition;
  /** Those of them that are in the spools. */
  readonly stored: StreamPosition;
  /** Result of a cancellation or a timeout; null if neither happened. */
  readonly kill: KillReport | null;
  /** Number of background processes that were killed after the main process ended; null with `keepBackground`. */
  readonly leftKilled: number | null;
}

export interface OutputChunk {
  readonly stream: StreamName;
  readonly data: Buffer;
}

export type AttachmentEnd =
  /** The exit record exists and all stored bytes were delivered. */
  | { readonly kind: 'ended'; readonly record: ExitRecord }
  /** The supervisor is proved dead and left no record; all stored bytes were delivered. */
  | { readonly kind: 'supervisor-gone'; readonly detail: string }
  /** There is an exit record, and it cannot be right; the detail says why. */
  | { readonly kind: 'record-unusable'; readonly detail: string }
  /** The command is not claimed here. */
  | { readonly kind: 'absent' }
  /** A spool is shorter than the requested position. */
  | { readonly kind: 'spool-short'; readonly spool: StreamPosition }
  /** The environment lacks something that the supervisor needs; the detail says what. */
  | { readonly kind: 'unsupported'; readonly detail: string }
  /** Nothing was run, and a retry would fail too; the detail says why. */
  | { readonly kind: 'refused'; readonly detail: string }
  /** The connection broke: nothing is known. Attach again. */
  | { readonly kind: 'dropped'; readonly cause: Error };

/** A view of one command, starting at a position. */
export interface Attachment {
  /**
   * Resolves with the remote side's first response: this call made the claim (`started`), it was taken (`taken`), or
   * there is nothing to attach to (null; `end` says why). Never rejects.
   */
  readonly opened: Promise<'started' | 'taken' | null>;
  /**
   * The output from the position on, live; each stream in order. An unread stream applies back-pressure. One reader.
   */
  readonly chunks: AsyncIterable<OutputChunk>;
  /** Resolves after the last chunk was read. */
  readonly end: Promise<AttachmentEnd>;
  /**
   * Tells the remote side that everything is stored, so that it can delete its spool. Only after `ended`. Best effort.
   */
  acknowledge(): Promise<void>;
  /** Detaches; the command continues. */
  close(): void;
}

/** The signals that can be sent to a command. */
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

/** A signal's name without the prefix SIG. */
export type SignalName = (typeof SIGNAL_NAMES)[number];

/**
 * `ignored`: not sent. In this environment commands start with this signal ignored, and no process of this one handles
 * it. `ended`: the command has ended or is absent.
 */
export type SignalOutcome = 'sent' | 'ignored' | 'ended';
