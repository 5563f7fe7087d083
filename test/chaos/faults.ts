import { setTimeout as delay } from 'node:timers/promises';
import { type ApiProcess, seededRandom } from '../support/index.js';
import { type Random, between } from './output-steps.js';
import type { Replica } from './replica.js';

const STARTS_MAX = 5;

/** What can go wrong with one replica; resolves when it is well again. */
type Fault = (replica: Replica, random: Random) => Promise<void>;

/** As a kubelet does it: one that ends because its database breaks just then is started again. */
async function startAgain(api: ApiProcess): Promise<void> {
  for (let left = STARTS_MAX; !api.isRunning; left--) {
    await api.start().catch((error: unknown) => {
      if (left === 1 || api.isRunning) throw error;
    });
  }
}

/** Leases are given for 8 s: some of these last longer, so that others take over. */
export const FAULTS = {
  kill: async ({ api }, random) => {
    await api.kill('SIGKILL');
    await delay(between(random, 0, 3_000));
    await startAgain(api);
  },
  term: async ({ api }, random) => {
    const code = await api.kill('SIGTERM');
    if (code !== 0) throw new Error(`After SIGTERM it ended with ${String(code)}: ${api.logs.slice(-4_000)}`);
    await delay(between(random, 0, 1_000));
    await startAgain(api);
  },
  pause: async (replica, random) => {
    replica.signal('SIGSTOP');
    await delay(between(random, 9_000, 11_000));
    replica.signal('SIGCONT');
  },
  cutDatabase: async ({ database }, random) => {
    database.refuse();
    await delay(between(random, 300, 5_000));
    database.mend();
  },
  stallDatabase: async ({ database }, random) => {
    database.stall();
    await delay(between(random, 1_000, 10_000));
    // What is under way arrives late, or never.
    if (random() < 0.5) database.drop();
    database.mend();
  },
  killSessions: (replica) => replica.killSessions(),
  truncateDatabase: async ({ database }, random) => {
    database.truncate(between(random, 0, 2_000));
    await delay(1_000);
    database.mend();
  },
} satisfies Record<string, Fault>;

export const LOCAL_FAULTS = {
  ...FAULTS,
  killLauncher: async (replica: Replica, random: Random) => replica.killChildren(between(random, 1, 4)),
};

export const CLUSTER_FAULTS = {
  ...FAULTS,
  dropCluster: async ({ cluster }: Replica) => cluster?.drop(),
  stallCluster: async ({ cluster }: Replica, random: Random) => {
    cluster?.stall();
    await delay(between(random, 1_000, 8_000));
    if (random() < 0.5) cluster?.drop();
    cluster?.mend();
  },
  truncateCluster: async ({ cluster }: Replica, random: Random) => {
    cluster?.truncate(between(random, 0, 20_000));
    await delay(2_000);
    cluster?.mend();
  },
};

/** A fault that is to strike at some time. The replica is a number to be taken modulo how many there are. */
export interface ScheduledFault {
  readonly atMs: number;
  readonly kind: string;
  readonly replica: number;
  readonly seed: number;
}

/** Every kind comes up as often as any other, in an order and at times that the seed decides. */
export function scheduleFaults(
  seed: number,
  { faults, lastsMs, kinds }: { faults: number; lastsMs: number; kinds: readonly string[] },
): readonly ScheduledFault[] {
  const random = seededRandom(seed);
  const deal: string[] = [];
  while (deal.length < faults) deal.push(...shuffled(kinds, random));
  return deal
    .slice(0, faults)
    .map((kind) => ({
      atMs: 1_000 + Math.floor(random() * (lastsMs - 1_000)),
      kind,
      replica: between(random, 0, 1_000),
      seed: between(random, 0, 2 ** 31),
    }))
    .sort((a, b) => a.atMs - b.atMs);
}

function shuffled<T>(values: readonly T[], random: Random): T[] {
  return values
    .map((value) => ({ value, rank: random() }))
    .sort((a, b) => a.rank - b.rank)
    .map(({ value }) => value);
}
