import type { Endpoint } from '../domain/delivery.js';
import { CONCURRENT_MAX, EndpointHealth } from './endpoint-health.js';

const attempt = (isSuccess: boolean) => () => Promise.resolve(isSuccess);
const itself = (isSuccess: boolean): boolean => isSuccess;
const A: Endpoint = { keyId: 'key_one', origin: 'https://a.example' };
const NAME = 'key_one https://a.example';

describe('EndpointHealth', () => {
  let health: EndpointHealth;
  beforeEach(() => (health = new EndpointHealth()));
  const run = (isSuccess: boolean, endpoint = A) => health.run(endpoint, attempt(isSuccess), itself);
  const room = (now?: number): number => health.load(now).endpoints.get(NAME)?.room ?? CONCURRENT_MAX.perEndpoint;

  it('lets nothing to an endpoint after five failures in a row, and one attempt after 30 s', async () => {
    for (let i = 0; i < 5; i++) {
      expect(room()).toBe(CONCURRENT_MAX.perEndpoint);
      expect(await run(false)).toBe(false);
    }
    expect(room()).toBe(0);
    expect(room(performance.now() + 31_000)).toBe(1);
  });

  it('tells how many endpoints are left alone', async () => {
    for (let i = 0; i < 5; i++) {
      expect(health.openCircuits).toBe(0);
      await run(false);
    }
    for (let i = 0; i < 5; i++) await run(false, { ...A, origin: 'https://b.example' });
    await run(false, { ...A, origin: 'https://c.example' });
    expect(health.openCircuits).toBe(2);
  });

  it('forgets failures at a success', async () => {
    for (let i = 0; i < 4; i++) await run(false);
    expect(await run(true)).toBe(true);
    for (let i = 0; i < 4; i++) await run(false);
    expect(room()).toBe(CONCURRENT_MAX.perEndpoint);
  });

  it('makes an attempt that was claimed before the breaker opened, and counts it', async () => {
    for (let i = 0; i < 5; i++) await run(false);
    const gate = Promise.withResolvers<boolean>();
    const running = health.run(A, () => gate.promise, itself);
    await new Promise(setImmediate);
    expect(health.load().keys.get('key_one')).toBe(1);
    gate.resolve(true);
    expect(await running).toBe(true);
  });

  it('counts what is under way to an endpoint, to an origin and for a key', async () => {
    const gate = Promise.withResolvers<boolean>();
    const to = (keyId: string, origin: string) => health.run({ keyId, origin }, () => gate.promise, itself);
    const running = [to('key_one', 'https://a.example'), to('key_two', 'https://a.example'), to('key_one', 'b')];
    const { endpoints, origins, keys } = health.load();
    expect(endpoints.get(NAME)).toEqual({ running: 1, room: CONCURRENT_MAX.perEndpoint - 1 });
    expect([origins.get('https://a.example'), origins.get('b')]).toEqual([2, 1]);
    expect([keys.get('key_one'), keys.get('key_two')]).toEqual([2, 1]);
    gate.resolve(true);
    await Promise.all(running);
    expect(health.load()).toEqual({ endpoints: new Map(), origins: new Map(), keys: new Map() });
  });

  it('does not let the failures of one key hold up another', async () => {
    for (let i = 0; i < 5; i++) await run(false);
    expect([...health.load().endpoints.keys()]).toEqual([NAME]);
  });

  it('remembers a thousand endpoints that failed, for an hour', async () => {
    for (let i = 0; i < 1_100; i++)
      for (let j = 0; j < 5; j++) await run(false, { ...A, origin: `https://${i}.example` });
    const names = [...health.load().endpoints.keys()];
    expect([names.length, names[0]]).toEqual([1_000, 'key_one https://100.example']);
    expect(health.load(performance.now() + 3_601_000).endpoints.size).toBe(0);
  });
});
