import { setTimeout as delay } from 'node:timers/promises';
import {
  type HttpClient,
  type SseEvent,
  type StreamName,
  StreamRefused,
  type TestResponse,
  Transcript,
  seededRandom,
} from '../support/index.js';
import { type Random, between, pick } from './output-steps.js';
import type { CommandPlan } from './plan.js';
import type { Loss } from './loss.js';

/** How a client finds a replica, and until when it tries. */
export interface Surroundings {
  readonly seed: number;
  readonly replicas: () => readonly HttpClient[];
  readonly losses: readonly Loss[];
  readonly signal: AbortSignal;
}

/** Creates one command and follows it to its end, over replicas that fail it and connections that break. */
export class Client {
  readonly transcript = new Transcript();
  readonly misses: string[] = [];
  readonly bytes = { lost: 0, twice: 0 };
  id: string | null = null;
  createdAt = 0;
  endedAt = 0;
  connections = 0;
  private readonly random: Random;

  constructor(
    readonly plan: CommandPlan,
    private readonly around: Surroundings,
  ) {
    this.random = seededRandom(around.seed + 7_919 * (plan.index + 1));
  }

  async live(): Promise<void> {
    const { atMs, cancelAfterMs } = this.plan;
    try {
      await this.pause(atMs);
      this.createdAt = Date.now();
      this.id = await this.create();
      if (this.random() < 0.1 && (await this.create()) !== this.id) this.misses.push('a repeated POST made another');
      const isCancelled = cancelAfterMs === null ? null : this.cancel(cancelAfterMs);
      await this.follow();
      this.endedAt = Date.now();
      await isCancelled;
    } catch (error) {
      if (!this.around.signal.aborted) throw error;
    }
  }

  /** Asks replicas until one answers with one of these statuses. */
  async ask(
    method: string,
    path: string,
    statuses: readonly number[],
    body?: unknown,
    headers?: Record<string, string>,
  ) {
    for (;;) {
      this.around.signal.throwIfAborted();
      const answer = await this.replica()
        .request(method, path, body, headers)
        .catch(() => null);
      if (answer !== null && statuses.includes(answer.status)) return answer;
      if (answer !== null && !isTransient(answer) && !(answer.status === 404 && this.isWithoutPod()))
        throw new Error(`${method} ${path}: ${answer.status} ${answer.text}`);
      await this.pause(between(this.random, 50, 400));
    }
  }

  private async create(): Promise<string> {
    const { index, project, body } = this.plan;
    const headers = { 'idempotency-key': `plan-${index}` };
    const { body: created } = await this.ask('POST', `/v1/projects/${project}/commands`, [202], body, headers);
    return created.id;
  }

  private async cancel(afterMs: number): Promise<void> {
    await this.pause(afterMs);
    const graceSeconds = between(this.random, 0, 1);
    await this.ask('POST', `/v1/commands/${this.id}/cancel`, [200, 202], { graceSeconds });
  }

  /** Over as many connections as it takes, most of which it breaks itself. */
  private async follow(): Promise<void> {
    while (this.transcript.end === undefined && this.misses.length === 0) {
      this.around.signal.throwIfAborted();
      try {
        await this.readSome();
      } catch (error) {
        if (error instanceof StreamRefused && !isTransient(error.response)) throw error;
      }
      await this.pause(between(this.random, 10, 300));
    }
  }

  private async readSome(): Promise<void> {
    const { lastEventId } = this.transcript;
    const lifeMs = this.random() < 0.4 ? between(this.random, 30, 1_500) : between(this.random, 2_000, 10_000);
    const stream = await this.replica().sse(`/v1/commands/${this.id}/events`, {
      ...(lastEventId !== undefined && { lastEventId }),
      dropAfter: this.random() < 0.3 ? between(this.random, 1, 6) : Infinity,
      signal: AbortSignal.any([this.around.signal, AbortSignal.timeout(lifeMs)]),
    });
    this.connections++;
    for await (const event of stream) if (!this.take(event)) return;
  }

  /** False if it does not join on to what came before. */
  private take(event: SseEvent): boolean {
    const { stream, offset, from = offset } = event.data as { stream?: StreamName; offset?: number; from?: number };
    const has = stream === undefined ? undefined : this.transcript.position[stream];
    try {
      this.transcript.add(event);
      return true;
    } catch (error) {
      if (from !== undefined && has !== undefined) this.bytes[from > has ? 'lost' : 'twice'] += Math.abs(from - has);
      this.misses.push((error as Error).message);
      return false;
    }
  }

  /** Its pod was deleted: until there is another, and every replica has heard of that one, there is no such project. */
  private isWithoutPod(): boolean {
    return this.around.losses.some(({ project }) => project === this.plan.project);
  }

  private replica(): HttpClient {
    return pick(this.random, this.around.replicas());
  }

  private async pause(ms: number): Promise<void> {
    await delay(ms, undefined, { signal: this.around.signal });
  }
}

/** The replica, its database or the project is unavailable, or a limit is reached. */
export function isTransient({ body }: TestResponse): boolean {
  return body?.retryable === true;
}
