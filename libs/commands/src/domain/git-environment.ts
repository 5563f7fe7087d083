/** Variables of git that name no program, file or address. */
const HARMLESS =
  /^GIT_((AUTHOR|COMMITTER)_(NAME|EMAIL|DATE)|TERMINAL_PROMPT|OPTIONAL_LOCKS|(LITERAL|GLOB|NOGLOB|ICASE)_PATHSPECS|MERGE_(AUTOEDIT|VERBOSITY)|REFLOG_ACTION|ADVICE|FLUSH|PROGRESS_DELAY|CONFIG_NOSYSTEM|NO_REPLACE_OBJECTS|NO_LAZY_FETCH|DEFAULT_HASH|HTTP_LOW_SPEED_(LIMIT|TIME)|LFS_SKIP_SMUDGE|CURL_VERBOSE)$/;

/** They write a file if their value is a path. */
const TRACE = /^GIT_TRACE(2|_\w+|2_\w+)?$/;
const TRACE_TO_STDERR = /^(|0|1|2|true|false)$/i;

/** Where programs, libraries and settings are looked for, and what git or its shell scripts run. */
const STEERING =
  /^(PATH|HOME|XDG_CONFIG_HOME|SHELL|ENV|SHELLOPTS|BASHOPTS|PS4|IFS|EDITOR|VISUAL|PAGER|LESSOPEN|LESSCLOSE|BROWSER|GNUPGHOME|NODE_OPTIONS|GCONV_PATH|LOCPATH|GLIBC_TUNABLES|OPENSSL_CONF|(SSH_ASKPASS|BASH_|LD_|DYLD_|PERL|PYTHON|RUBY).*)$/;

/** Why `git` is refused with these variables of the request; null: it is not. */
export function gitEnvironmentRefusal(env: Readonly<Record<string, string>>): string | null {
  for (const [name, value] of Object.entries(env)) {
    const isTrace = TRACE.test(name) && TRACE_TO_STDERR.test(value);
    const isSteering = name.startsWith('GIT_') ? !HARMLESS.test(name) && !isTrace : STEERING.test(name);
    if (isSteering) return `the variable "${name.slice(0, 60)}" may make git run a program or reach other files`;
  }
  return null;
}
