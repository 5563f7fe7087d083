import type { HttpClient } from '../support/index.js';
import type { Client } from './client.js';
import type { Site } from './site.js';
import { type Judged, type Records, judge } from './verdict.js';

export interface Figures {
  readonly commands: number;
  readonly bytesLost: number;
  readonly bytesTwice: number;
  readonly startedTwice: number;
  readonly falseEndings: number;
  readonly survivors: number;
  /** What is wrong, in words. */
  readonly failures: readonly string[];
  /** To be read by people. */
  readonly report: string;
}

export interface Course {
  readonly seed: number;
  readonly seconds: number;
  readonly struck: readonly string[];
  readonly problems: readonly string[];
}

const LOG_LINES = 12;
const LOG_CHARS = 600;
const PROCESSES = `for f in /proc/[0-9]*/environ; do tr '\\0' '\\n' <$f | grep '^RDEV_COMMAND_ID='; done 2>/dev/null; true`;

export async function figuresOf(site: Site, clients: readonly Client[], course: Course): Promise<Figures> {
  const api = site.replicas[0]!.client;
  const records = await recordsOf(site);
  const judged = clients.map((client) => ({ client, verdict: judge(client, records, site.losses) }));
  const survivors = await survivorsOf(site, clients);
  const extra = await createdTwice(site, api, clients);
  const unlike = await unlikeStored(api, clients);
  const audit = await auditOf(api);
  const failures = [...course.problems, ...extra, ...unlike, ...survivors, ...audit, ...judged.flatMap(explain)];
  const sum = (value: (verdict: Judged) => number) => judged.reduce((total, { verdict }) => total + value(verdict), 0);
  const figures = {
    commands: clients.length,
    bytesLost: sum(({ lost }) => lost),
    bytesTwice: sum(({ twice }) => twice),
    startedTwice: sum(({ startedTwice }) => Number(startedTwice)) + extra.length,
    falseEndings: sum(({ falseEnding }) => Number(falseEnding.length > 0)),
    survivors: survivors.length,
  };
  const lost = sum(({ wasLost }) => Number(wasLost));
  const report = reportOf(figures, clients, course, lost);
  return { ...figures, failures: failures.map((failure) => withLogs(site, failure)), report };
}

/** What is wrong with the seals of the audit log. */
async function auditOf(api: HttpClient): Promise<string[]> {
  const { body } = await api.get('/v1/audit/verify');
  return body.valid === true && body.checked > 0 ? [] : [`audit: ${JSON.stringify(body)}`];
}

/** What the replicas logged about the command, or the request, in question. */
function withLogs(site: Site, failure: string): string {
  const [id] = /(cmd|req)_\w+/.exec(failure) ?? [];
  if (id === undefined) return failure;
  const lines = site.replicas.flatMap(({ api }) => api.logs.split('\n').filter((line) => line.includes(id)));
  return [failure, ...lines.slice(-LOG_LINES).map((line) => line.slice(0, LOG_CHARS))].join('\n    ');
}

async function recordsOf(site: Site): Promise<Records> {
  const starts = new Map<number, number>();
  const wrote = new Set<number>();
  for (const project of site.projects) {
    const now = await site.run(project, `cat ${site.recordFile} 2>/dev/null; true`);
    for (const line of linesOf(site.savedRecords(project), now)) {
      const [word, index] = line.split(' ');
      if (word === 'start') starts.set(Number(index), (starts.get(Number(index)) ?? 0) + 1);
      if (word === 'wrote') wrote.add(Number(index));
    }
  }
  return { starts, wrote };
}

const linesOf = (...texts: string[]) => texts.flatMap((text) => text.split('\n')).filter(Boolean);

/** Processes of commands that have ended and did not ask to keep any. */
async function survivorsOf(site: Site, clients: readonly Client[]): Promise<string[]> {
  const mayStay = new Set(clients.filter(({ plan }) => plan.keepsBackground).map(({ id }) => id));
  const ours = new Set(clients.filter(({ transcript }) => transcript.end !== undefined).map(({ id }) => id));
  const found = await Promise.all(site.projects.map((project) => site.run(project, PROCESSES)));
  const ids = new Set(linesOf(...found).map((line) => line.slice('RDEV_COMMAND_ID='.length)));
  return [...ids].filter((id) => ours.has(id) && !mayStay.has(id)).map((id) => `${id}: a process of it is left`);
}

/** Commands that the API has and no client knows: one creation made two. */
async function createdTwice(site: Site, api: HttpClient, clients: readonly Client[]): Promise<string[]> {
  const known = new Set(clients.map(({ id }) => id));
  const unknown: string[] = [];
  for (const project of site.projects) {
    let cursor: string | null = '';
    while (cursor !== null) {
      const query = `projectId=${project}&limit=200${cursor && `&cursor=${encodeURIComponent(cursor)}`}`;
      const { body } = await api.get(`/v1/commands?${query}`);
      for (const { id, labels } of body.data)
        if (!known.has(id)) unknown.push(`${id}: made besides for #${labels.plan}`);
      cursor = body.nextCursor;
    }
  }
  return unknown;
}

/** What is stored must be what was shown, in the end and in bytes. */
async function unlikeStored(api: HttpClient, clients: readonly Client[]): Promise<string[]> {
  const unlike: string[] = [];
  for (const { id, transcript } of clients) {
    if (transcript.end === undefined) continue;
    const { body } = await api.get(`/v1/commands/${id}`);
    const same =
      body.status === transcript.end.status && JSON.stringify(body.result) === JSON.stringify(transcript.end.result);
    if (!same) unlike.push(`${id}: shown ${JSON.stringify(transcript.end)}, stored ${JSON.stringify(body)}`);
    for (const stream of ['stdout', 'stderr'] as const) {
      const { bytes } = await api.bytes(`/v1/commands/${id}/output?stream=${stream}`);
      if (!bytes.equals(transcript.bytes(stream)))
        unlike.push(`${id}: ${stream} is stored otherwise than it was shown`);
    }
  }
  return unlike;
}

function explain({ client: { plan, id, transcript }, verdict }: { client: Client; verdict: Judged }): string[] {
  const { lost, twice, falseEnding, startedTwice } = verdict;
  if (lost + twice + falseEnding.length === 0 && !startedTwice) return [];
  const { stdout, stderr } = transcript.position;
  const bytes = `${stdout} of ${plan.planned('stdout').length} and ${stderr} of ${plan.planned('stderr').length} bytes`;
  const wrong = [
    lost > 0 && `${lost} bytes lost`,
    twice > 0 && `${twice} twice`,
    startedTwice && 'started twice',
    ...falseEnding,
  ];
  const expected = JSON.stringify({ ...plan.expected, limit: plan.outputMax });
  return [
    `${id} (#${plan.index} in ${plan.project}): ${wrong.filter(Boolean).join('; ')}; ${bytes}; expected ${expected}`,
  ];
}

function reportOf(
  figures: object,
  clients: readonly Client[],
  { seed, seconds, struck }: Course,
  lost: number,
): string {
  const kinds = [...new Set(struck)].sort().map((kind) => `${kind} ${struck.filter((one) => one === kind).length}`);
  const connections = clients.reduce((sum, client) => sum + client.connections, 0);
  const bytes = clients.reduce((sum, { transcript: { position } }) => sum + position.stdout + position.stderr, 0);
  const lines = {
    faults: `${struck.length} (${kinds.join(', ')})`,
    ...Object.fromEntries(Object.entries(figures).map(([name, value]) => [words(name), String(value)])),
    'lost with their pod': String(lost),
    'bytes shown': String(bytes),
    'streams opened': String(connections),
    duration: `${seconds.toFixed(0)} s`,
    seed: String(seed),
  };
  return Object.entries(lines)
    .map(([name, value]) => `  ${name}: ${value}\n`)
    .join('');
}

const words = (name: string) => name.replace(/[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`);
