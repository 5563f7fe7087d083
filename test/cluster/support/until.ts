import { setTimeout as delay } from 'node:timers/promises';

/**
 * Resolves with the first answer that is neither false nor null, asked for again and again; fails after the deadline.
 */
export async function until<T>(
  what: string,
  ask: () => Promise<T | null | false> | T | null | false,
  deadlineMs = 30_000,
): Promise<T> {
  const deadline = Date.now() + deadlineMs;
  for (;;) {
    const answer = await ask();
    if (answer !== null && answer !== false) return answer;
    if (Date.now() > deadline) throw new Error(`Not within ${String(deadlineMs)} ms: ${what}`);
    await delay(25);
  }
}
