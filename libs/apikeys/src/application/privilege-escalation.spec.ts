import { InMemoryApiKeyRepository, aKey } from '@app/apikeys/testing';
import { DomainError, SCOPES } from '@app/kernel';
import {
  FakeClock,
  InMemoryEventLog,
  InMemoryIdempotency,
  InMemoryNotifier,
  InMemoryTransactor,
} from '@app/kernel/testing';
import { seededRandom } from '../../../../test/support/random.js';
import { isInNetworks } from '../domain/addresses.js';
import { type ApiKey, type Grant, callerOf } from '../domain/api-key.js';
import { ApiKeysService } from './api-keys.service.js';

const SEEDS = 30;
const STEPS = 100;
const DEFAULT_RPS = 10;

const PROJECTS = ['a', 'a-1', 'a-b', 'a-b-1', 'a-b-c', 'b', 'b-1', 'ab', 'web', 'team-a-web', 'team-a-b-web', 'team-b'];
const GLOBS = [
  '*',
  'a*',
  'a-*',
  'a-b*',
  'a-b-*',
  '*-1',
  'a*1',
  '*b*',
  '*a*b*',
  'a-*-*',
  'team-*',
  'team-a-*',
  'web',
  'a-1',
];
const ADDRESSES = [
  '10.0.0.1',
  '10.0.1.1',
  '10.1.0.1',
  '11.0.0.1',
  '::ffff:10.0.0.1',
  '::1',
  '2001:db8::1',
  '2001:db8:1::1',
];
const NETWORKS = [
  ...['0.0.0.0/0', '10.0.0.0/8', '10.0.0.0/16', '10.0.0.0/24', '10.0.0.1', '10.0.0.1/32', '11.0.0.0/8'],
  ...['::/0', '::1', '2001:db8::/32', '2001:db8:1::/48', '::ffff:10.0.0.0/104', '::ffff:0:0/96', '::ffff:10.0.0.1'],
];
const START = new FakeClock().now().getTime();
const MOMENTS = [0, 1_000, 60_000, 3_600_000, 86_400_000 * 30].map((ms) => new Date(START + ms));

/**
 * What a key can do, determined exhaustively: each scope in each project from each address at each moment.
 */
interface Power {
  readonly dimensions: readonly (readonly unknown[])[];
  readonly rps: number;
  readonly commands: number;
}

function powerOf(key: Grant): Power {
  const matches = (glob: string, id: string): boolean => new RegExp(`^${glob.replaceAll('*', '.*')}$`).test(id);
  const dimensions = [
    key.scopes.includes('admin') ? SCOPES : key.scopes,
    PROJECTS.filter((id) => key.projects?.some((glob) => matches(glob, id)) ?? true),
    ADDRESSES.filter((ip) => key.allowedIps === null || isInNetworks(ip, key.allowedIps)),
    MOMENTS.filter((at) => key.expiresAt === null || at < key.expiresAt),
  ];
  const rps = key.rateLimitRps ?? DEFAULT_RPS;
  return { dimensions, rps: rps === 0 ? Infinity : rps, commands: key.maxConcurrentCommands ?? Infinity };
}

/** An administrator can exceed the server's default rate limit. */
function mayGive(giver: Grant): Power {
  const power = powerOf(giver);
  return giver.scopes.includes('admin') && giver.rateLimitRps === null ? { ...power, rps: Infinity } : power;
}

function expectWithin(asked: Grant, giver: Grant, why: unknown): void {
  const [less, more] = [powerOf(asked), mayGive(giver)];
  // A key without any access cannot use its limits.
  if (less.dimensions.some((deeds) => deeds.length === 0)) return;
  const extra = less.dimensions.flatMap((deeds, i) => deeds.filter((deed) => !more.dimensions[i]!.includes(deed)));
  const hasMoreRights = extra.length > 0 || less.rps > more.rps || less.commands > more.commands;
  if (hasMoreRights) throw new Error(`More rights: ${JSON.stringify({ why, asked, giver, extra })}`);
}

class Dice {
  private readonly random: () => number;

  constructor(seed: number) {
    this.random = seededRandom(seed);
  }

  one<T>(from: readonly T[]): T {
    return from[Math.floor(this.random() * from.length)]!;
  }

  some<T>(from: readonly T[]): T[] {
    return [...new Set(Array.from({ length: Math.floor(this.random() * 3) + 1 }, () => this.one(from)))];
  }

  happens(share: number): boolean {
    return this.random() < share;
  }

  grant(): Grant {
    return {
      name: 'x',
      scopes: this.happens(0.8) ? [...new Set([...this.some(SCOPES), 'keys:write' as const])] : [],
      projects: this.happens(0.3) ? null : this.some([...GLOBS, ...PROJECTS]),
      allowedIps: this.happens(0.4) ? null : this.some(NETWORKS),
      expiresAt: this.happens(0.5) ? null : this.one(MOMENTS.slice(1)),
      rateLimitRps: this.one([null, null, 0, 5, 10, 20]),
      maxConcurrentCommands: this.one([null, null, 1, 3]),
    };
  }

  /** A random part of a grant. */
  patch(): Partial<Grant> {
    return Object.fromEntries(Object.entries(this.grant()).filter(() => this.happens(0.3)));
  }
}

it(`no key gets more rights than its creator by creation, change or rotation: ${SEEDS} runs of ${STEPS} steps`, async () => {
  const done: Record<string, number> = {};
  const refused: Record<string, number> = {};
  for (let seed = 1; seed <= SEEDS; seed++) {
    const dice = new Dice(seed);
    const transactor = new InMemoryTransactor();
    const keys = new InMemoryApiKeyRepository(transactor);
    const service = new ApiKeysService(
      keys,
      transactor,
      new InMemoryIdempotency(transactor),
      new InMemoryEventLog(transactor),
      new InMemoryNotifier(transactor),
      new FakeClock(),
      DEFAULT_RPS,
    );
    for (const grant of [{}, dice.grant(), dice.grant(), dice.grant()]) await keys.insert(aKey(grant));
    for (let step = 0; step < STEPS; step++) {
      const all = (await keys.list({ limit: 200 }, null)).data;
      const giver = dice.one(all);
      const target = dice.happens(0.2) ? giver : dice.one(all);
      const operation = dice.one(['create', 'patch', 'patch', 'rotate', 'revoke'] as const);
      const caller = callerOf(giver);
      const work: Record<typeof operation, () => Promise<readonly ApiKey[]>> = {
        create: async () => [(await service.create(dice.grant(), caller)).key],
        patch: async () => [target, await service.patch(target.id, dice.patch(), caller)],
        rotate: async () => [target, (await service.rotate(target.id, 60, caller)).key],
        revoke: async () => {
          if (dice.happens(0.7)) return [];
          await service.revoke(target.id, caller);
          return [target];
        },
      };
      try {
        for (const key of await work[operation]()) expectWithin(key, giver, { seed, step, operation });
        done[operation] = (done[operation] ?? 0) + 1;
      } catch (error) {
        if (!(error instanceof DomainError)) throw error;
        refused[operation] = (refused[operation] ?? 0) + 1;
      }
    }
  }
  // The test is meaningful only if some operations are allowed and some refused.
  for (const operation of ['create', 'patch', 'rotate', 'revoke']) {
    expect([operation, done[operation]! > 30, refused[operation]! > 30]).toEqual([operation, true, true]);
  }
});
