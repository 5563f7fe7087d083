/**
 * What the clients of a test file have sent and got that no log may show: keys, tickets, command text, stdin and
 * output. It is noted by HttpClient and looked for by ApiProcess, in every suite.
 */
const keys = new Set<string>();
const texts = new Set<string>();

/** Shorter ones turn up by chance. */
const LENGTH_MIN = 12;
/** Of each kind; so the search stays cheap in suites that run thousands of commands. */
const TEXTS_MAX = 2_000;
const LINES_MAX = 20;

/** Fields that hold what a command is given, wherever they are in a body. */
const COMMAND_FIELDS = new Set(['script', 'argv', 'args', 'env', 'stdin', 'text', 'prompt']);
const SECRET_FIELDS = new Set(['secret', 'ticket']);

/** Ids and paths are in logs by right; one character again and again is no secret. */
const HARMLESS = /^(\/|[a-z]{3}_[0-9a-z]{26}$|true$|false$|(.)\2*$)/;

export function noteKey(text: string | undefined): void {
  if (text !== undefined && text.length >= LENGTH_MIN) keys.add(text);
}

export function noteText(text: string): void {
  const lines = text.split(/\r?\n/, LINES_MAX).map((line) => line.trim().slice(0, 200));
  for (const line of lines) {
    if (texts.size < TEXTS_MAX && line.length >= LENGTH_MIN && !HARMLESS.test(line)) texts.add(line);
  }
}

/** Notes what a request to that path gives to a command. */
export function noteRequest(path: string, body: unknown): void {
  if (!path.includes('/commands')) return;
  walk(body, (name, value) => {
    if (COMMAND_FIELDS.has(name) || (name === 'data' && path.endsWith('/stdin'))) noteAll(value);
  });
}

/** Notes keys and tickets that were handed out. */
export function noteResponse(body: unknown): void {
  walk(body, (name, value) => {
    if (SECRET_FIELDS.has(name) && typeof value === 'string') noteKey(value);
  });
}

/** Those of the secrets that are in the logs, which are JSON lines or plain text. */
export function leaksIn(logs: string, secrets: Iterable<string> = [...keys, ...texts]): string[] {
  return [...secrets].filter((secret) => logs.includes(secret) || logs.includes(JSON.stringify(secret).slice(1, -1)));
}

function walk(body: unknown, visit: (name: string, value: unknown) => void): void {
  if (typeof body !== 'object' || body === null) return;
  for (const [name, value] of Object.entries(body)) {
    visit(name, value);
    walk(value, visit);
  }
}

function noteAll(value: unknown): void {
  if (typeof value === 'string') noteText(value);
  else if (typeof value === 'object' && value !== null) Object.values(value).forEach(noteAll);
}
