import { randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { type HttpClient, StreamRefused, Transcript, expectStatus } from '../../support/index.js';

const PAUSE_MS = 100;

/** Follows a command to its end, over as many connections as it takes. */
export async function follow(client: HttpClient, id: string, stop: AbortSignal): Promise<Transcript> {
  const transcript = new Transcript();
  while (transcript.end === undefined) {
    stop.throwIfAborted();
    const { lastEventId } = transcript;
    const resume = lastEventId === undefined ? {} : { lastEventId };
    try {
      await transcript.read(await client.sse(`/v1/commands/${id}/events`, { ...resume, signal: stop }));
    } catch (error) {
      if (error instanceof StreamRefused && error.response.status < 500) throw error;
      await delay(PAUSE_MS);
    }
  }
  return transcript;
}

/** Short commands one after the other until told to stop; each request is sent once, and what fails is kept. */
export class ShortCommands {
  readonly ids: string[] = [];
  readonly failures: string[] = [];
  private isStopping = false;
  private readonly done: Promise<void>;

  constructor(
    private readonly client: HttpClient,
    private readonly projectId: string,
  ) {
    this.done = this.go();
  }

  async stop(): Promise<void> {
    this.isStopping = true;
    await this.done;
  }

  private async go(): Promise<void> {
    while (!this.isStopping) {
      try {
        this.ids.push(await this.runOne());
      } catch (error) {
        this.failures.push(`${new Date().toISOString()} ${String(error)}`);
      }
      await delay(PAUSE_MS);
    }
  }

  private async runOne(): Promise<string> {
    const word = randomUUID();
    const body = { type: 'exec', argv: ['echo', word] };
    const path = `/v1/projects/${this.projectId}/commands`;
    const { id } = expectStatus(await this.client.post(path, body), 202).body;
    const { body: command } = expectStatus(await this.client.get(`/v1/commands/${id}/wait?timeoutSeconds=30`), 200);
    // A replica that ends answers a wait early; the command is another one's then.
    if (command.result === null) return id;
    const { text } = expectStatus(await this.client.get(`/v1/commands/${id}/output`), 200);
    if (command.status !== 'succeeded' || text !== `${word}\n`) throw new Error(`${id}: ${command.status} ${text}`);
    return id;
  }
}
