type Rule = RegExp | null;

const SWITCH = /^(0|1|true|false|)$/i;
/** Not a path: message catalogues contain format strings. */
const LOCALE = /^[\w.@:-]*$/;

/**
 * Variables that a request may set for git, and the values allowed. All others are refused, since programs read many
 * variables.
 */
const ALLOWED: readonly (readonly [RegExp, Rule])[] = [
  [/^GIT_(AUTHOR|COMMITTER)_(NAME|EMAIL|DATE)$/, null],
  [
    /^GIT_(TERMINAL_PROMPT|OPTIONAL_LOCKS|ADVICE|FLUSH|NO_REPLACE_OBJECTS|NO_LAZY_FETCH|LFS_SKIP_SMUDGE|CURL_VERBOSE)$/,
    SWITCH,
  ],
  [/^GIT_(LITERAL|GLOB|NOGLOB|ICASE)_PATHSPECS$/, SWITCH],
  [/^GIT_(MERGE_(AUTOEDIT|VERBOSITY)|REFLOG_ACTION|PROGRESS_DELAY|DEFAULT_HASH|HTTP_LOW_SPEED_(LIMIT|TIME))$/, null],
  // Any other value is a file to write to, or a descriptor.
  [
    /^GIT_TRACE(_(PACKET|PERFORMANCE|SETUP|CURL|SHALLOW|PACK_ACCESS|REFS)|2|2_(EVENT|PERF))?$/,
    /^(0|1|2|true|false|)$/i,
  ],
  [/^(LANG|LANGUAGE|LC_[A-Z]+)$/, LOCALE],
  [/^TZ$/, /^\w[\w+-]*(\/\w[\w+-]*)*$/],
  [/^(CI|NO_COLOR|TERM|COLUMNS|LINES|HUSKY|TRACEPARENT|TRACESTATE)$/, /^[\w.-]*$/],
  [/^(https_proxy|HTTPS_PROXY|no_proxy|NO_PROXY)$/, null],
];

/** Shown to clients. */
export const ALLOWED_VARIABLES =
  'GIT_AUTHOR_*, GIT_COMMITTER_*, GIT_TRACE* to stderr, other GIT_* that name no program or file, LANG, LC_*, TZ, TERM, CI, NO_COLOR, HTTPS_PROXY, NO_PROXY';

/**
 * Whether it may be set if a policy allows a program by name: it affects neither which program runs nor what it reads.
 */
export function isHarmlessVariable(name: string, value: string): boolean {
  return ALLOWED.some(([names, values]) => names.test(name) && (values?.test(value) ?? true));
}

/** Why git is refused with these variables; null if it is not. */
export function environmentRefusal(env: Readonly<Record<string, string>>): string | null {
  const refused = Object.entries(env).find(([name, value]) => !isHarmlessVariable(name, value));
  if (refused === undefined) return null;
  const name = refused[0].slice(0, 60);
  return `the variable "${name}" may make git run a program or reach other files; allowed are ${ALLOWED_VARIABLES}`;
}
