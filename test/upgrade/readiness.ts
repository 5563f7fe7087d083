import { setTimeout as delay } from 'node:timers/promises';
import type { ApiProcess } from '../support/index.js';

/** Asks a replica again and again whether it is ready, as a kubelet does. */
export class ReadinessWatch {
  private readonly others: number[] = [];
  private isStopped = false;
  private readonly asking: Promise<void>;

  constructor(private readonly api: ApiProcess) {
    this.asking = this.ask();
  }

  /** What else than 200 it answered. */
  async stop(): Promise<readonly number[]> {
    this.isStopped = true;
    await this.asking;
    return this.others;
  }

  private async ask(): Promise<void> {
    while (!this.isStopped) {
      const { status } = await this.api.client.get('/ready');
      if (status !== 200) this.others.push(status);
      await delay(25);
    }
  }
}
