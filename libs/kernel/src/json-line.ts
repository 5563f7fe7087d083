/** What many programs take for the end of a line, and JSON does not escape by itself: Python's loops, for example. */
const LINE_ENDS = /[\u0085\u2028\u2029]/g;

/** A value as JSON that is one line to every reader. */
export function jsonLine(value: unknown): string {
  return JSON.stringify(value).replace(LINE_ENDS, (end) => `\\u${end.charCodeAt(0).toString(16).padStart(4, '0')}`);
}
