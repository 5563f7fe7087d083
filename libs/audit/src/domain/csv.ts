/** The beginning of a formula, in ASCII and in full width. Some spreadsheets leave out what is not visible. */
const FORMULA = /^(?:[\t\r\n]|[\s\p{C}]*[=+\-@＝＋－＠])/u;
const QUOTED = /[",\r\n]/;

/**
 * A line of CSV. Spreadsheets run text that looks like a formula, so such text gets an apostrophe in front; numbers
 * stay as they are. @see RFC 4180
 */
export function csvLine(cells: readonly (string | number | null)[]): string {
  return `${cells.map(toCell).join(',')}\r\n`;
}

function toCell(value: string | number | null): string {
  if (typeof value !== 'string') return String(value ?? '');
  const text = FORMULA.test(value) ? `'${value}` : value;
  return QUOTED.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}
