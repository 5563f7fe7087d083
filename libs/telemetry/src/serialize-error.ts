export interface SerializedError {
  readonly type: string;
  readonly message: string;
  readonly code?: unknown;
  /** Where it was thrown, without the message. */
  readonly stack?: string;
  readonly cause?: SerializedError;
}

const CAUSES_MAX = 5;

/** Serialises only harmless fields: errors of clients and drivers contain statements, parameters and credentials. */
export function serializeError(error: unknown, depth = 0): SerializedError {
  if (!(error instanceof Error)) return { type: typeof error, message: 'not an Error' };
  const { name, cause } = error;
  const { code } = error as { code?: unknown };
  const frames = error.stack?.split('\n').filter((line) => /^\s+at /.test(line));
  return {
    type: name,
    message: harmlessMessage(error, code),
    ...(code !== undefined && { code }),
    ...(frames !== undefined && { stack: frames.join('\n') }),
    ...(cause !== undefined && depth < CAUSES_MAX && { cause: serializeError(cause, depth + 1) }),
  };
}

/** Some messages quote client input. */
function harmlessMessage({ name, message }: Error, code: unknown): string {
  if (name === 'SyntaxError') return 'The parsed text is not well-formed.';
  // SQLSTATE class 22, "data exception": the message contains the value.
  if (typeof code === 'string' && /^22[0-9A-Z]{3}$/.test(code)) return 'PostgreSQL rejected a value.';
  // Node's argument errors end with the value, those of child processes with the command line and its output.
  return message.replace(/\bReceived [^]*$/, '').replace(/^Command failed: [^]*$/, 'Command failed');
}
