import { readScript } from './read-script.js';
import type { StartRequest } from './types.js';

/**
 * A request as the remote side reads it: three parts of known length, none of which is ever evaluated as shell code.
 */
export interface EncodedRequest {
  readonly meta: Buffer;
  readonly script: Buffer;
  readonly stdin: Buffer;
}

const COMMAND_ID = /^[A-Za-z0-9][A-Za-z0-9_-]{0,99}$/;
/** About 30 years, meaning "never": more does not fit everywhere. */
const SECONDS_MAX = 1e9;

/**
 * Encodes a request as lines that the `read` builtin decodes without a fork. A value is its number of lines, then the
 * lines.
 * @throws RangeError if the kernel cannot represent something: a NUL byte, or a name with `=`
 */
export function encodeRequest(request: StartRequest): EncodedRequest {
  const script = 'script' in request.program ? readScript(request.program.script) : null;
  const argv = 'argv' in request.program ? request.program.argv : (script?.interpreter ?? []);
  if (script === null && argv.length === 0) throw new RangeError('The argument vector is empty.');
  const env = Object.entries(request.env).map(([name, value]) => variable(name, value));
  const meta = [
    [
      millis(request.timeoutSeconds),
      request.noOutputTimeoutSeconds === null ? 0 : millis(request.noOutputTimeoutSeconds),
      millis(request.graceSeconds),
      Math.max(0, Math.floor(request.outputLimitBytes)),
      request.keepBackground ? 1 : 0,
      request.stdin.kind,
      script === null ? 'argv' : script.isShell ? 'script' : 'file',
    ].join(' '),
    value(request.cwd),
    value(request.fallbackCwd),
    String(env.length),
    ...env.map(value),
    String(argv.length),
    ...argv.map(value),
    '',
  ].join('\n');
  return {
    meta: Buffer.from(meta),
    script: Buffer.from(script?.text ?? ''),
    stdin: Buffer.from(request.stdin.kind === 'text' ? request.stdin.text : ''),
  };
}

/** @throws RangeError unless the id is safe as a directory name and as an argument */
export function checkCommandId(commandId: string): string {
  if (!COMMAND_ID.test(commandId))
    throw new RangeError('A command id consists of up to 100 letters, digits, "-" and "_".');
  return commandId;
}

/** Whole milliseconds, rounded up, never negative. */
export function millis(seconds: number): number {
  return Math.ceil(Math.min(Math.max(seconds, 0), SECONDS_MAX) * 1000);
}

function variable(name: string, value: string): string {
  if (name === '' || name.includes('='))
    throw new RangeError('The name of an environment variable must not be empty or contain "=".');
  return `${name}=${value}`;
}

/** A value as the supervisor reads it: its number of lines, then the lines. */
export function value(text: string | null): string {
  if (text === null) return '0';
  if (text.includes('\0')) throw new RangeError('Arguments, variables and directories cannot contain NUL.');
  return `${String(text.split('\n').length)}\n${text}`;
}
