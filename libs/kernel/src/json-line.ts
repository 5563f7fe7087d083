/** Characters that many programs, such as Python's loops, treat as line ends, and that JSON does not escape. */
const LINE_ENDS = /[\u0085\u2028\u2029]/g;

/** Serialises a value as JSON that is a single line for every reader. */
export function jsonLine(value: unknown): string {
  return JSON.stringify(value).replace(LINE_ENDS, (end) => `\\u${end.charCodeAt(0).toString(16).padStart(4, '0')}`);
}
