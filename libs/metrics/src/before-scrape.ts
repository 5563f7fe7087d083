import { Injectable } from '@nestjs/common';

/** What is to be looked up only when somebody asks for the metrics. */
@Injectable()
export class BeforeScrape {
  private readonly jobs: (() => void | Promise<void>)[] = [];

  add(job: () => void | Promise<void>): void {
    this.jobs.push(job);
  }

  /** What fails has no value this time; the rest has. */
  async run(): Promise<void> {
    await Promise.allSettled(this.jobs.map(async (job) => job()));
  }
}
