import type { StreamName } from '../support/index.js';
import type { Client } from './client.js';
import type { Loss } from './loss.js';

/** What the commands noted themselves, by the number of their plan. */
export interface Records {
  readonly starts: ReadonlyMap<number, number>;
  readonly wrote: ReadonlySet<number>;
}

export interface Judged {
  readonly lost: number;
  readonly twice: number;
  /** What is wrong with its ending. */
  readonly falseEnding: string[];
  readonly startedTwice: boolean;
  readonly wasLost: boolean;
}

const STREAMS: readonly StreamName[] = ['stdout', 'stderr'];

export function judge(client: Client, records: Records, losses: readonly Loss[]): Judged {
  const { plan, transcript, misses, bytes } = client;
  const starts = records.starts.get(plan.index) ?? 0;
  const isHit = losses.some((loss) => isInTimeOf(client, loss));
  const wasLost = isHit && isForWantOfPod(client);
  const falseEnding = [...misses, ...(wasLost ? [] : wrongEnding(client, records, isHit ? null : starts))];
  const sum = { lost: bytes.lost, twice: bytes.twice };
  for (const stream of STREAMS) {
    const { lost, twice } = compare(
      client,
      stream,
      wasLost || (plan.expected.isKilled && !records.wrote.has(plan.index)),
    );
    sum.lost += lost;
    sum.twice += twice;
    const told = transcript.end?.result[`${stream}Bytes`];
    if (told !== transcript.position[stream])
      falseEnding.push(`${stream}Bytes is ${told}, not ${transcript.position[stream]}`);
  }
  return { ...sum, falseEnding, startedTwice: starts > 1, wasLost };
}

/** Some of what its command noted may be gone with the pod. */
function isInTimeOf({ plan, createdAt, endedAt }: Client, { project, at, until }: Loss): boolean {
  return project === plan.project && createdAt <= until && endedAt >= at;
}

function isForWantOfPod({ transcript: { end } }: Client): boolean {
  if (end?.status === 'lost') return end.result.reason === 'pod_lost';
  return end?.status === 'failed' && end.result.reason === 'start_failed';
}

function wrongEnding(client: Client, records: Records, starts: number | null): string[] {
  const { plan, transcript } = client;
  const { status, result } = transcript.end ?? { status: 'no end', result: {} };
  const { isKilled, atLeastMs, ...ending } = plan.expected;
  // One that was cancelled in the queue had nothing to be killed.
  const isStarted = (starts ?? 0) > 0;
  const wanted = { ...ending, ...(isKilled && isStarted && { killVerified: true, survivors: 0 }) };
  const told = { ...result, status };
  const wrong = Object.entries(wanted).filter(([name, value]) => told[name] !== value);
  const found = wrong.map(([name, value]) => `${name} is not ${String(value)}`);
  if (isStarted && result.durationMs < atLeastMs) found.push(`it took less than ${atLeastMs} ms`);
  if (result.truncated !== transcript.gaps.length > 0) found.push('truncated says otherwise than the gaps');
  if (starts !== null) found.push(...wrongCourse(client, records, starts));
  return found.length === 0 ? [] : [...found, `it is ${JSON.stringify(told)}`];
}

/** Against what the command noted itself. */
function wrongCourse({ plan }: Client, { wrote }: Records, starts: number): string[] {
  const isDone = plan.expected.isKilled || wrote.has(plan.index);
  const isStarted = plan.cancelAfterMs !== null || starts > 0;
  return [...(isStarted ? [] : ['it was never started']), ...(isDone ? [] : ['it did not come to its end'])];
}

/** What came against what the plan says; a command that was ended from outside may have written less. */
function compare(
  { plan, transcript }: Client,
  stream: StreamName,
  mayBeLess: boolean,
): { lost: number; twice: number } {
  const planned = plan.planned(stream);
  const wanted = planned.subarray(0, plan.outputMax ?? planned.length);
  const got = transcript.bytes(stream);
  const gap = transcript.gaps.filter((one) => one.stream === stream).reduce((sum, { from, to }) => sum + to - from, 0);
  const same = commonLength(got, wanted);
  if (same < got.length && same < wanted.length) return { lost: wanted.length - same, twice: 0 };
  const missing = Math.abs(planned.length - wanted.length - gap);
  return { lost: mayBeLess ? 0 : wanted.length - same + missing, twice: got.length - same };
}

function commonLength(one: Buffer, other: Buffer): number {
  const most = Math.min(one.length, other.length);
  if (one.subarray(0, most).equals(other.subarray(0, most))) return most;
  return one.findIndex((byte, at) => byte !== other[at]);
}
