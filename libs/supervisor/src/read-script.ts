/** A script, normalized for running. */
export interface ReadScript {
  readonly text: string;
  /** The program of the `#!` line and its argument, if any; empty: `sh`. */
  readonly interpreter: readonly string[];
  /** Whether the interpreter's name is that of a shell. */
  readonly isShell: boolean;
}

const BYTE_ORDER_MARK = '\ufeff';
/** As the kernel parses it: the rest of the line is one argument. */
const INTERPRETER = /^#![ \t]*([^ \t\r\n]+)[ \t]*([^\r\n]*)/;
const SHELL = /(^|[/ \t])(ba|da|a|k|mk|z)?sh([ \t]|$)/;

/**
 * Normalizes a script. If all lines end in CRLF, they become LF. In a mixed script a carriage return may be intended,
 * as in a here-document, so it is ignored only in the `#!` line.
 */
export function readScript(script: string): ReadScript {
  const marked = script.startsWith(BYTE_ORDER_MARK) ? script.slice(BYTE_ORDER_MARK.length) : script;
  const text = /(?<!\r)\n/.test(marked) ? marked : marked.replaceAll('\r\n', '\n');
  const [, program, rest = ''] = INTERPRETER.exec(text) ?? [];
  if (program === undefined) return { text, interpreter: [], isShell: true };
  const argument = rest.trimEnd();
  const interpreter = argument === '' ? [program] : [program, argument];
  return { text, interpreter, isShell: SHELL.test(interpreter.join(' ')) };
}
