/** Stands for a secret. */
const MASK = '***';
/** Only the beginning of a text is searched, since a request may contain 1 MiB. */
const SEARCHED_CHARS = 16_384;
/** What is after that is not shown: a secret there could extend beyond what is searched. */
const SHOWN_CHARS = 8_192;
/** Shorter values of variables, such as `1`, are parts of many words. */
const VALUE_CHARS_MIN = 4;
/** A longer value is found by its beginning. */
const VALUE_CHARS_COMPARED = 32;

const NAME =
  'pass(?:word|wd|phrase)?|pwd|secret|token|api[_-]?key|access[_-]?key|private[_-]?key|credentials?|auth(?![a-z])';
const QUOTED = `"{3}[^"]{0,4096}(?:"{3})?|"(?:[^"\\\\]|\\\\[^]){0,4096}"?|'[^']{0,4096}'?`;
/** In quotes, also those of a text within another; not up to a later pair of quotes, which would hide other commands. */
const IN_QUOTES = `\\\\{1,4}["'][^"'\\\\]{0,4096}|\\$?(?:${QUOTED})[^\\s"',;|&)}\\]]{0,4096}`;

/**
 * Known forms of secrets. With a group `keep`, that is shown. All take linear time: a repetition at the beginning, or
 * before one that matches the same, has an upper bound.
 */
export const SECRET_FORMS: Readonly<Record<string, RegExp>> = {
  'rdev keys and tickets': /rdev_[0-9A-Za-z]{4,16}_[0-9A-Za-z]{8,64}|rdevt_[\w-]{16,64}/g,
  'webhook secrets': /whsec_[A-Za-z0-9+/=_-]{16,128}/g,
  AWS: /\b(?:AKIA|ASIA|ABIA|ACCA|AROA|AIDA)[A-Z0-9]{16}\b/g,
  GitHub: /\b(?:gh[pousr]_[A-Za-z0-9]{16,255}|github_pat_[A-Za-z0-9_]{16,255})/g,
  GitLab: /\bgl[a-z]{2,8}-[\w.-]{16,255}/g,
  Slack: /\b(?:xox[a-z]|xapp|xwfp)-[\w-]{8,255}|hooks\.slack\.com\/services\/[\w/-]{8,255}/g,
  Google: /\bAIza[\w-]{30,40}|\bya29\.[\w-]{16,2048}|\bGOCSPX-[\w-]{16,64}/g,
  Stripe: /\b(?:sk|rk|pk)_(?:live|test)_[A-Za-z0-9]{8,255}/g,
  npm: /\bnpm_[A-Za-z0-9]{30,64}/g,
  'model providers': /\bsk-[A-Za-z0-9_-]{20,255}/g,
  JWT: /\beyJ[\w-]{8,8192}\.[\w-]{8,8192}(?:\.[\w-]{0,8192})?/g,
  PEM: /-----BEGIN [A-Z0-9 ]{1,40}-----[^]*?(?:-----END [A-Z0-9 ]{1,40}-----|$)/g,
  'headers that authenticate':
    /(?<keep>\b(?:(?:proxy-)?authorization|x-api-key|x-auth-token|private-token|(?:set-)?cookie)["']?[ \t]{0,8}[:=][ \t]{0,8}["']?)[^\r\n"']{1,4096}/gi,
  'names and values': new RegExp(
    `(?<keep>(?:${NAME})[\\w-]{0,64}\\\\{0,4}["']?[ \\t]{0,8}(?:=>|:=|={1,3}|:)[ \\t]{0,8})(?:${IN_QUOTES}|(?:\\\\[ \\t]|[^\\s"']){1,4096})`,
    'gi',
  ),
  options: new RegExp(
    `(?<keep>(?<![\\w-])--?[\\w-]{0,64}(?:${NAME})[\\w-]{0,64}(?:[ \\t\\n]|\\\\\\n){1,8})(?:${IN_QUOTES}|[^\\s"'-][^\\s"']{0,4096})`,
    'gi',
  ),
  elements: new RegExp(`(?<keep><[\\w:.-]{0,64}(?:${NAME})[\\w-]{0,64}(?:\\s[^<>]{0,256})?>)[^<]{1,4096}`, 'gi'),
  SQL: /(?<keep>\b(?:password|identified[ \t]{1,8}by)[ \t]{1,8})'[^']{0,4096}'?/gi,
  'users of curl': /(?<keep>(?<![\w-])(?:-u|--user|--proxy-user|-U)[ =\t\n]{0,8}["']?[^\s:"']{0,256}:)[^\s"']{1,1024}/g,
  'URLs with a user': /(?<keep>\b[a-z][a-z0-9+.-]{0,20}:\/\/)[^\s/?#"'<>]{1,1024}(?=@)/gi,
};

interface Span {
  readonly from: number;
  readonly to: number;
}

export interface Redacted {
  readonly parts: readonly string[];
  /** There is more than is shown. */
  readonly isCut: boolean;
}

/**
 * Texts without secrets: without those of a known form, and without the given values. Together at most `bytesMax` of
 * UTF-8.
 */
export function redact(parts: readonly string[], values: readonly string[], bytesMax: number): Redacted {
  // Joined, since an option and its value are two arguments.
  const whole = parts.join('\n');
  const text = whole.slice(0, SEARCHED_CHARS);
  const spans = merged([...formSpans(text), ...valueSpans(text, values)]);
  const shown: string[] = [];
  let from = 0;
  let bytes = bytesMax;
  for (const part of parts) {
    const end = Math.min(from + part.length, SHOWN_CHARS, text.length);
    const piece = cut(masked(text, { from, to: end }, spans), bytes);
    shown.push(piece.text);
    bytes -= Buffer.byteLength(piece.text);
    if (piece.isCut || end < from + part.length) return { parts: shown, isCut: true };
    from += part.length + 1;
  }
  return { parts: shown, isCut: false };
}

function formSpans(text: string): Span[] {
  return Object.values(SECRET_FORMS).flatMap((form) =>
    Array.from(text.matchAll(form), ({ index, 0: match, groups }) => {
      return { from: index + (groups?.keep?.length ?? 0), to: index + match.length };
    }),
  );
}

/** Where the values are. A longer one than is compared counts as present if its beginning is. */
function valueSpans(text: string, values: readonly string[]): Span[] {
  /** By the length that is compared: the beginnings, and the length of the longest value with each. */
  const known = new Map<number, Map<string, number>>();
  for (const value of values) {
    const { length } = value;
    if (length < VALUE_CHARS_MIN) continue;
    const beginning = value.slice(0, VALUE_CHARS_COMPARED);
    const equals = known.get(beginning.length) ?? new Map<string, number>();
    known.set(beginning.length, equals.set(beginning, Math.max(length, equals.get(beginning) ?? 0)));
  }
  const spans: Span[] = [];
  for (const [length, equals] of known) {
    for (let from = 0; from + length <= text.length; from++) {
      const found = equals.get(text.slice(from, from + length));
      if (found !== undefined) spans.push({ from, to: from + found });
    }
  }
  return spans;
}

function merged(spans: readonly Span[]): Span[] {
  const result: { from: number; to: number }[] = [];
  for (const { from, to } of [...spans].sort((a, b) => a.from - b.from)) {
    const last = result.at(-1);
    if (last !== undefined && from <= last.to) last.to = Math.max(last.to, to);
    else result.push({ from, to });
  }
  return result;
}

/** The part of the text, with a mask for each span. */
function masked(text: string, part: Span, spans: readonly Span[]): string {
  const pieces: string[] = [];
  let at = part.from;
  for (const { from, to } of spans) {
    if (to <= part.from || from >= part.to) continue;
    pieces.push(text.slice(at, Math.max(at, from)), MASK);
    at = Math.min(to, part.to);
  }
  return [...pieces, text.slice(at, Math.max(at, part.to))].join('');
}

/** At most that many bytes, without half a character at the end. */
function cut(text: string, bytesMax: number): { readonly text: string; readonly isCut: boolean } {
  const { read } = new TextEncoder().encodeInto(text, new Uint8Array(Math.max(0, bytesMax)));
  return { text: text.slice(0, read), isCut: read < text.length };
}
