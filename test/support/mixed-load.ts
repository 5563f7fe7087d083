import { setTimeout as delay } from 'node:timers/promises';
import type { HttpClient } from './http-client.js';

const PAUSE_MS = 20;

/** Clients that create and read commands, read projects and keys, one after another, until they are stopped. */
export class MixedLoad {
  /** How often each outcome came: a status with its code, or `no response`. */
  readonly outcomes = new Map<string, number>();
  /** The ids of commands whose creation was answered. */
  readonly created: string[] = [];
  private isStopped = false;
  private readonly clients: Promise<void>[];

  constructor(
    private readonly client: HttpClient,
    private readonly project: string,
    concurrency = 3,
  ) {
    this.clients = Array.from({ length: concurrency }, () => this.run());
  }

  /** The outcomes other than success. */
  get failures(): readonly string[] {
    return [...this.outcomes.keys()].filter((outcome) => !outcome.startsWith('2')).sort();
  }

  /** Forgets what has happened so far. */
  reset(): void {
    this.outcomes.clear();
  }

  async stop(): Promise<void> {
    this.isStopped = true;
    await Promise.all(this.clients);
  }

  private async run(): Promise<void> {
    for (let i = 0; !this.isStopped; i++) {
      const [method, path, body] = this.request(i);
      const response = await this.client.request(method, path, body).catch(() => null);
      const outcome =
        response === null ? 'no response' : [response.status, response.body?.code].filter(Boolean).join(' ');
      this.outcomes.set(outcome, (this.outcomes.get(outcome) ?? 0) + 1);
      if (response?.status === 202) this.created.push(response.body.id);
      await delay(PAUSE_MS);
    }
  }

  private request(i: number): readonly [string, string, unknown?] {
    const commands = `/v1/projects/${this.project}/commands`;
    if (i % 10 === 0) return ['POST', commands, { type: 'exec', argv: ['true'] }];
    const paths = ['/v1/commands?limit=5', `/v1/projects/${this.project}`, '/v1/keys/self'] as const;
    return ['GET', paths[i % paths.length]!];
  }
}
