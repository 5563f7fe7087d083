/** A request, or a stream, that reads what is confidential. */
export interface Read {
  readonly type: 'output.read' | 'audit.read';
  readonly projectId?: string | undefined;
  readonly target: string;
  readonly data: Readonly<Record<string, unknown>>;
}

/** Records reads for the audit, if the operator asks for that. */
export abstract class ReadRecorder {
  /**
   * To be awaited before anything is sent. Does nothing unless reads are recorded.
   * @throws {@link Unavailable} if it cannot be recorded
   */
  abstract record(read: Read): Promise<void>;
}
