import { Injectable } from '@nestjs/common';

type Job = () => void | Promise<void>;

/** Prometheus gives up after 10 s by default, and then has no metric at all. */
const PATIENCE_MS = 5_000;

/** Jobs that update metrics only when they are scraped. */
@Injectable()
export class BeforeScrape {
  private readonly jobs: Job[] = [];
  private readonly running = new Set<Job>();

  add(job: Job): void {
    this.jobs.push(job);
  }

  /**
   * A failing job does not affect the others, nor does one that hangs, as while the database does not respond: after 5 s
   * the scrape goes on without its values, and it is not started again before it has ended.
   */
  async run(): Promise<void> {
    const jobs = this.jobs.filter((job) => !this.running.has(job));
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<void>((resolve) => {
      timer = setTimeout(resolve, PATIENCE_MS);
    });
    await Promise.race([Promise.allSettled(jobs.map((job) => this.start(job))), late]);
    clearTimeout(timer);
  }

  private async start(job: Job): Promise<void> {
    this.running.add(job);
    try {
      await job();
    } finally {
      this.running.delete(job);
    }
  }
}
