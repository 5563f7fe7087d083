import { randomInt } from 'node:crypto';
import { expectStatus, outputOf, runCommand, startCommand, ended } from '../commands.js';
import { eventually } from '../deadline.js';
import type { HttpClient } from '../http-client.js';
import { type Evasion, grepFor } from './evasions.js';

/** How a command comes to its end. */
export const ENDINGS = ['cancel', 'timeout', 'its own end'] as const;
export type Ending = (typeof ENDINGS)[number];

export interface Outcome {
  readonly ending: Ending;
  readonly status: string;
  readonly result: Readonly<Record<string, unknown>>;
  /** Processes of the child that are there afterwards. */
  readonly left: number;
}

/** Runs the child once for each way to end, observes what is left, and removes that. */
export async function provoke(
  client: HttpClient,
  project: string,
  { child }: Evasion,
  endings: readonly Ending[] = ENDINGS,
): Promise<readonly Outcome[]> {
  return Promise.all(
    endings.map(async (ending) => {
      const mark = `3000.${randomInt(1e8, 1e9)}`;
      const { status, result } = await end(client, project, ending, child(mark), mark);
      const left = Number(await textOf(client, project, `${grepFor(mark)} | wc -l`));
      if (left > 0)
        await textOf(client, project, `for f in $(${grepFor(mark)}); do f=\${f#/proc/}; kill -KILL \${f%%/*}; done`);
      return { ending, status, result, left };
    }),
  );
}

/** One line for people: what rdev says of each way to end. */
export function lineOf({ what }: Evasion, outcomes: readonly Outcome[]): string {
  const said = outcomes.map(({ ending, result, left }) => {
    const { killVerified, survivors, leftKilled } = result;
    const found = ending === 'its own end' ? { leftKilled } : { killVerified, survivors };
    return `${ending} ${JSON.stringify(found)} left ${left}`;
  });
  return `${what}: ${said.join('; ')}\n`;
}

async function end(client: HttpClient, project: string, ending: Ending, child: string, mark: string): Promise<any> {
  // What is counted has to be there, and to have hidden itself.
  const begun = `${child}\nuntil ${grepFor(mark)} | grep -q .; do sleep 0.1; done\necho ready\n`;
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
