import { setTimeout as delay } from 'node:timers/promises';
import { Client } from './client.js';
import { type Figures, figuresOf } from './figures.js';
import { type ScheduledFault, scheduleFaults } from './faults.js';
import { planLoad } from './plan.js';
import type { Site } from './site.js';

export interface ChaosOptions {
  readonly seed: number;
  readonly commands: number;
  readonly faults: number;
  /** For so long commands and faults come. */
  readonly lastsMs: number;
}

/** How long after the last fault everything must have ended. */
const CALM_MS = 90_000;

/** `CHAOS_SEED` repeats a run; `CHAOS_COMMANDS`, `CHAOS_FAULTS` and `CHAOS_SECONDS` change its size. */
export function chaosOptions(usual: Omit<ChaosOptions, 'seed'>): ChaosOptions {
  const { CHAOS_SEED, CHAOS_COMMANDS, CHAOS_FAULTS, CHAOS_SECONDS } = process.env;
  return {
    seed: Number(CHAOS_SEED ?? Math.floor(Math.random() * 2 ** 31)),
    commands: Number(CHAOS_COMMANDS ?? usual.commands),
    faults: Number(CHAOS_FAULTS ?? usual.faults),
    lastsMs: CHAOS_SECONDS === undefined ? usual.lastsMs : Number(CHAOS_SECONDS) * 1_000,
  };
}

/** The load and the faults at once; then, when all is calm, what came of it. */
export async function runChaos(site: Site, options: ChaosOptions): Promise<Figures> {
  const { seed, lastsMs, faults } = options;
  process.stderr.write(`chaos (${site.name}): seed ${seed}\n`);
  const since = performance.now();
  const over = new AbortController();
  const plans = planLoad({ ...options, projects: site.projects, recordFile: site.recordFile });
  const replicas = () => site.replicas.map(({ client }) => client);
  const clients = plans.map((plan) => new Client(plan, { seed, replicas, losses: site.losses, signal: over.signal }));
  const lives = Promise.allSettled(clients.map((client) => client.live()));
  const schedule = scheduleFaults(seed, { faults, lastsMs, kinds: site.faultKinds });
  const problems = await strikeAll(site, schedule);
  const deadline = setTimeout(() => over.abort(), CALM_MS);
  for (const life of await lives) if (life.status === 'rejected') problems.push(String(life.reason));
  clearTimeout(deadline);
  const seconds = (performance.now() - since) / 1_000;
  return figuresOf(site, clients, { seed, seconds, problems, struck: schedule.map(({ kind }) => kind) });
}

/** Each at its time; answers what did not come right again. */
async function strikeAll(site: Site, schedule: readonly ScheduledFault[]): Promise<string[]> {
  const problems: string[] = [];
  const strikes = schedule.map(async (fault) => {
    await delay(fault.atMs);
    await site.strike(fault).catch((error: unknown) => problems.push(`${fault.kind}: ${String(error)}`));
  });
  await Promise.all(strikes);
  await Promise.all(site.replicas.map((replica) => replica.recover()));
  return problems;
}
