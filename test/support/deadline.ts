import { setTimeout as delay } from 'node:timers/promises';
import { timed } from './spans.js';

type Truthy<T> = Exclude<T, null | undefined | false | 0 | ''>;

/** Waits until the condition gives something true, and answers it; errors count as "not yet". */
export function eventually<T>(condition: () => T | Promise<T>, timeoutMs = 10_000, everyMs = 20): Promise<Truthy<T>> {
  return timed('wait', () => poll(condition, timeoutMs, everyMs));
}

async function poll<T>(condition: () => T | Promise<T>, timeoutMs: number, everyMs: number): Promise<Truthy<T>> {
  const deadline = Date.now() + timeoutMs;
  let problem: unknown;
  let last: unknown;
  do {
    try {
      const value = await condition();
      if (value) return value as Truthy<T>;
      [last, problem] = [value, undefined];
    } catch (error) {
      problem = error;
    }
    await delay(everyMs);
  } while (Date.now() < deadline);
  const why =
    problem instanceof Error ? `the last attempt failed: ${problem.message}` : `the last value is ${String(last)}`;
  throw new Error(`It did not come true within ${timeoutMs} ms; ${why}`, { cause: problem });
}
