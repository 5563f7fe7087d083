import { readScript } from './read-script.js';
import type { StartRequest } from './types.js';

/** A request as the far side reads it: three parts, each of known length, none of which is ever read as shell code. */
export interface EncodedRequest {
  readonly meta: Buffer;
  readonly script: Buffer;
  readonly stdin: Buffer;
}

const COMMAND_ID = /^[A-Za-z0-9][A-Za-z0-9_-]{0,99}$/;
/** About 30 years: more does not fit everywhere, and is meant as "never". */
const SECONDS_MAX = 1e9;

/**
 * Lines that the `read` builtin decodes without a fork. A value is a line with the number of its lines, and these.
 * @throws RangeError if something cannot be expressed to the kernel: a NUL byte, or a name with `=`
 */
export function encodeRequest(request: StartRequest): EncodedRequest {
  const script = 'script' in request.program ? readScript(request.program.script) : null;
  const argv = 'argv' in request.program ? request.program.argv : (script?.interpreter ?? []);
  if (script === null && argv.length === 0) throw new RangeError('A program needs at least its name.');
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

/** @throws RangeError unless the id can be the name of a directory and an argument */
export function checkCommandId(commandId: string): string {
  if (!COMMAND_ID.test(commandId)) throw new RangeError('A command id is up to 100 letters, digits, "-" and "_".');
  return commandId;
}

/** Whole milliseconds, rounded up, never negative. */
export function millis(seconds: number): number {
  return Math.ceil(Math.min(Math.max(seconds, 0), SECONDS_MAX) * 1000);
}

function variable(name: string, value: string): string {
  if (name === '' || name.includes('='))
    throw new RangeError('The name of a variable must not be empty or contain "=".');
  return `${name}=${value}`;
}

/** As the supervisor reads it: a line with the number of its lines, and these. */
export function value(text: string | null): string {
  if (text === null) return '0';
  if (text.includes('\0')) throw new RangeError('Arguments, variables and directories cannot contain NUL.');
  return `${String(text.split('\n').length)}\n${text}`;
}
