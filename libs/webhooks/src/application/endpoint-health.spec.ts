import { CONCURRENT_MAX, EndpointHealth } from './endpoint-health.js';

const attempt = (isSuccess: boolean) => () => Promise.resolve(isSuccess);
const itself = (isSuccess: boolean): boolean => isSuccess;

describe('EndpointHealth', () => {
  let health: EndpointHealth;
  beforeEach(() => (health = new EndpointHealth()));
  const run = (isSuccess: boolean) => health.run('a', attempt(isSuccess), itself);

  it('lets nothing to an endpoint after five failures in a row, and one attempt after 30 s', async () => {
    for (let i = 0; i < 5; i++) {
      expect(health.capacity().get('a') ?? CONCURRENT_MAX).toBe(CONCURRENT_MAX);
      expect(await run(false)).toBe(false);
    }
    expect(health.capacity().get('a')).toBe(0);
    expect(health.capacity(performance.now() + 31_000).get('a')).toBe(1);
  });

  it('forgets failures at a success', async () => {
    for (let i = 0; i < 4; i++) await run(false);
    expect(await run(true)).toBe(true);
    for (let i = 0; i < 4; i++) await run(false);
    expect(health.capacity().get('a')).toBe(CONCURRENT_MAX);
  });

  it('makes an attempt that was claimed before the breaker opened', async () => {
    for (let i = 0; i < 5; i++) await run(false);
    expect(await run(true)).toBe(true);
  });

  it('counts what is under way', async () => {
    const gate = Promise.withResolvers<boolean>();
    const running = health.run('a', () => gate.promise, itself);
    expect(health.capacity().get('a')).toBe(CONCURRENT_MAX - 1);
    gate.resolve(true);
    await running;
    expect(health.capacity().get('a')).toBeUndefined();
  });
});
