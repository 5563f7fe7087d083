import { BodyBudget } from './body-budget.js';

const LIMITS = { bytesMax: 100, bytesPerKeyMax: 60, waitingMax: 2, waitMs: 10_000 };

describe('BodyBudget', () => {
  beforeEach(() => jest.useFakeTimers());
  afterEach(() => jest.useRealTimers());

  it('admits bodies that fit, and others as soon as there is room', async () => {
    const budget = new BodyBudget(LIMITS);
    const keep = await budget.take('a', 60);
    const second = budget.take('a', 30);
    let isIn = false;
    void second.then(() => (isIn = true));
    await jest.advanceTimersByTimeAsync(9_000);
    expect(isIn).toBe(false);
    keep(40);
    await jest.advanceTimersByTimeAsync(0);
    expect(isIn).toBe(false);
    keep(30);
    await expect(second).resolves.toBeDefined();
  });

  it('reserves room for other keys', async () => {
    const budget = new BodyBudget(LIMITS);
    await budget.take('a', 60);
    const refused = expect(budget.take('a', 1)).rejects.toMatchObject({ code: 'RATE_LIMITED', retryAfterSeconds: 1 });
    await expect(budget.take('b', 40)).resolves.toBeDefined();
    await jest.advanceTimersByTimeAsync(10_000);
    await refused;
  });

  it('is shared by all keys', async () => {
    const budget = new BodyBudget(LIMITS);
    await Promise.all([budget.take('a', 50), budget.take('b', 50)]);
    const refused = expect(budget.take('c', 1)).rejects.toMatchObject({ code: 'UNAVAILABLE', retryable: true });
    await jest.advanceTimersByTimeAsync(10_000);
    await refused;
  });

  it('limits the waiting requests', async () => {
    const budget = new BodyBudget(LIMITS);
    const keep = await budget.take('a', 60);
    const waiting = [budget.take('a', 10), budget.take('a', 10)];
    await expect(budget.take('a', 10)).rejects.toMatchObject({ code: 'RATE_LIMITED' });
    keep(0);
    await Promise.all(waiting);
  });

  it('is free again when all requests are done, whether they waited or not', async () => {
    const budget = new BodyBudget(LIMITS);
    for (let round = 0; round < 100; round++) {
      const taken = Array.from({ length: 3 }, (_, i) => budget.take(`key ${i % 2}`, 20 + (round % 40)));
      await Promise.all(taken.map(async (keep) => (await keep)(0)));
    }
    await expect(Promise.all([budget.take('a', 60), budget.take('b', 40)])).resolves.toHaveLength(2);
  });
});
