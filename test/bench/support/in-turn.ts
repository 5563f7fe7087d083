import { Console } from 'node:console';
import { mkdir, writeFile } from 'node:fs/promises';
import { cpus, release, totalmem } from 'node:os';
import { join } from 'node:path';
import { percentile } from '../../support/index.js';

const DIRECTORY = join(import.meta.dirname, '../../../bench-results');

/** What is measured; it resolves with its time in ms. */
export type Contenders = Readonly<Record<string, () => Promise<number>>>;

/** A limit for the median of the first contender relative to that of another, or in ms. */
export interface Goal {
  readonly of: string;
  /** Omitted: `most` is in ms. */
  readonly against?: string;
  readonly most: number;
}

/** The times in ms of contenders that take turns, so that a slow moment of the machine hits all of them. */
export async function inTurn(contenders: Contenders, rounds: number, warmUps = 3): Promise<Record<string, number[]>> {
  const times: Record<string, number[]> = {};
  for (let round = -warmUps; round < rounds; round++) {
    for (const [name, once] of Object.entries(contenders)) {
      const time = await once();
      if (round >= 0) (times[name] ??= []).push(time);
    }
  }
  return times;
}

/** Prints a table, and writes the times with what they depend on to `bench-results/`. */
export async function report(title: string, times: Record<string, number[]>, goals: readonly Goal[], settings: object) {
  const rows = Object.entries(times).map(([name, values]) => ({
    name,
    rounds: values.length,
    p50: round(percentile(values, 0.5)),
    p99: round(percentile(values, 0.99)),
  }));
  const p50 = (name: string): number => percentile(times[name] ?? [], 0.5);
  const judged = goals.map(({ of, against, most }) => {
    const found = against === undefined ? p50(of) : p50(of) / p50(against);
    return {
      goal: `${of}${against === undefined ? ', ms' : ` / ${against}`}`,
      most,
      found: round(found),
      met: found <= most,
    };
  });
  const machine = {
    cpus: cpus().length,
    model: cpus()[0]?.model,
    memory: totalmem(),
    kernel: release(),
    node: process.version,
  };
  const table = new Console(process.stderr);
  table.table(rows);
  table.table(judged);
  await mkdir(DIRECTORY, { recursive: true });
  const result = { title, at: new Date().toISOString(), machine, settings, rows, goals: judged, times };
  await writeFile(join(DIRECTORY, `${title.replaceAll(/\W+/g, '-')}.json`), `${JSON.stringify(result, null, 2)}\n`);
}

function round(value: number): number {
  return Math.round(value * 100) / 100;
}
