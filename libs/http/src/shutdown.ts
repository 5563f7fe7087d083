import { type BeforeApplicationShutdown, Injectable } from '@nestjs/common';
import { ReplaySubject } from 'rxjs';

/** Tells streams and long polls that the process is going to stop. */
@Injectable()
export class Shutdown implements BeforeApplicationShutdown {
  private readonly subject = new ReplaySubject<void>(1);
  private readonly controller = new AbortController();

  /** Emits once, when the process begins to stop. */
  readonly started = this.subject.asObservable();

  /** Aborts at the same time. */
  get signal(): AbortSignal {
    return this.controller.signal;
  }

  get isStopping(): boolean {
    return this.controller.signal.aborted;
  }

  beforeApplicationShutdown(): void {
    this.controller.abort();
    this.subject.next();
    this.subject.complete();
  }
}
