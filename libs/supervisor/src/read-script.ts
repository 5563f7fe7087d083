/** A script as it is run. */
export interface ReadScript {
  readonly text: string;
  /** The program of its `#!` line and that program's argument, if there is one; empty: `sh`. */
  readonly interpreter: readonly string[];
  /** Whether a shell interprets it, as far as names tell. */
  readonly isShell: boolean;
}

const BYTE_ORDER_MARK = '\ufeff';
/** As the kernel reads it: the rest of the line is one argument. */
const INTERPRETER = /^#![ \t]*([^ \t\r\n]+)[ \t]*([^\r\n]*)/;
const SHELL = /(^|[/ \t])(ba|da|a|k|mk|z)?sh([ \t]|$)/;

/**
 * A script whose lines all end in CRLF is run with line feeds. In one with both, a carriage return may be meant, as in a
 * here-document: nothing but its `#!` line is read without it.
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
