import { randomInt } from 'node:crypto';
import { expectStatus, outputOf, runCommand, startCommand, ended } from '../commands.js';
import { eventually } from '../deadline.js';
import type { HttpClient } from '../http-client.js';

/** How a command comes to its end. */
const ENDINGS = ['cancel', 'timeout', 'its own end'] as const;
type Ending = (typeof ENDINGS)[number];

interface Evasion {
  readonly what: string;
  /** Shell code that leaves a process whose arguments contain the mark. */
  readonly child: (mark: string) => string;
  /** Where it gets away: rdev says in docs/guarantees.md that it does. */
  readonly escapes?: readonly Ending[];
}

/** Children that do not want to end with their command. */
export const EVASIONS: readonly Evasion[] = [
  { what: 'ignores SIGTERM', child: (mark) => `sh -c 'trap "" TERM; while :; do sleep ${mark}; done' &` },
  { what: 'calls setsid', child: (mark) => `setsid sleep ${mark} &` },
  { what: 'forks twice', child: (mark) => `( (sleep ${mark} &) &)` },
  { what: 'uses nohup', child: (mark) => `nohup sleep ${mark} >/dev/null 2>&1 &` },
  { what: 'forks 200 times', child: (mark) => `i=0; while [ $i -lt 200 ]; do sleep ${mark} & i=$((i + 1)); done` },
  { what: 'clears its environment', child: (mark) => `env -i sleep ${mark} &` },
  {
    what: 'clears it and calls setsid, its parent alive',
    child: (mark) => `env -i setsid sleep ${mark} &`,
    escapes: ['its own end'],
  },
  { what: 'is stopped', child: (mark) => `sh -c 'kill -STOP $$; sleep ${mark}' &` },
  {
    what: 'does all but clear it',
    child: (mark) => `(trap '' TERM HUP; setsid nohup sleep ${mark} >/dev/null 2>&1 &)`,
  },
  {
    what: 'clears it and calls setsid, its parent gone',
    child: (mark) => `(env -i setsid sleep ${mark} &)`,
    escapes: ENDINGS,
  },
];

export interface Outcome {
  readonly ending: Ending;
  readonly status: string;
  readonly result: Readonly<Record<string, unknown>>;
  /** Processes of the child that are there afterwards. */
  readonly left: number;
}

/** Runs the child once for each way to end, looks what is left, and removes that. */
export async function provoke(client: HttpClient, project: string, { child }: Evasion): Promise<readonly Outcome[]> {
  return Promise.all(
    ENDINGS.map(async (ending) => {
      const mark = `3000.${randomInt(1e8, 1e9)}`;
      const { status, result } = await end(client, project, ending, child(mark), mark);
      const left = Number(await textOf(client, project, `grep -ls '${pattern(mark)}' /proc/[0-9]*/cmdline | wc -l`));
      if (left > 0) await textOf(client, project, `pkill -KILL -f '${pattern(mark)}'; true`);
      return { ending, status, result, left };
    }),
  );
}

/** One line for people: what rdev says of each way to end. */
export function lineOf({ what }: Evasion, outcomes: readonly Outcome[]): string {
  const said = outcomes.map(({ ending, result, left }) => {
    const { killVerified, survivors, uninspectable, leftKilled } = result;
    const found = ending === 'its own end' ? { leftKilled } : { killVerified, survivors, uninspectable };
    return `${ending} ${JSON.stringify(found)} left ${left}`;
  });
  return `${what}: ${said.join('; ')}\n`;
}

async function end(client: HttpClient, project: string, ending: Ending, child: string, mark: string): Promise<any> {
  // What is counted has to be there, and to have hidden itself.
  const begun = `${child}\nuntil grep -qs '${pattern(mark)}' /proc/[0-9]*/cmdline; do sleep 0.02; done\necho ready\n`;
  if (ending === 'its own end') return runCommand(client, project, begun);
  const script = `${begun}sleep ${mark}`;
  if (ending === 'timeout') return runCommand(client, project, { script, timeoutSeconds: 2 });
  const { id } = await startCommand(client, project, script);
  await eventually(async () => (await outputOf(client, id)).length > 0, 20_000);
  expectStatus(await client.post(`/v1/commands/${id}/cancel`, { graceSeconds: 1 }), 202);
  return ended(client, id);
}

async function textOf(client: HttpClient, project: string, script: string): Promise<string> {
  return (await outputOf(client, (await runCommand(client, project, script)).id)).toString();
}

/** Does not match the arguments of a program that looks for it. */
const pattern = (mark: string): string => mark.replace('.', '[.]');
