import { Injectable } from '@nestjs/common';

/** Jobs that update metrics only when they are scraped. */
@Injectable()
export class BeforeScrape {
  private readonly jobs: (() => void | Promise<void>)[] = [];

  add(job: () => void | Promise<void>): void {
    this.jobs.push(job);
  }

  /** A failing job does not affect the others. */
  async run(): Promise<void> {
    await Promise.allSettled(this.jobs.map(async (job) => job()));
  }
}
