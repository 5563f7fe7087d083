import { DomainError } from '@app/kernel';
import { type BeforeApplicationShutdown, Injectable } from '@nestjs/common';
import { HttpAdapterHost } from '@nestjs/core';
import { ReplaySubject } from 'rxjs';
import { HttpServerAdapter } from './http-server.js';

/** The replica stops, and what the request needs is no longer there. */
export class ShuttingDown extends DomainError {
  readonly kind = 'unavailable';
  readonly code = 'SHUTTING_DOWN';
  override readonly retryable = true;
  override readonly retryAfterSeconds = 1;

  constructor(cause: unknown) {
    super('This replica is shutting down.', {}, { cause });
  }
}

/** Notifies streams and long polls that the process is stopping. */
@Injectable()
export class Shutdown implements BeforeApplicationShutdown {
  private readonly subject = new ReplaySubject<void>(1);
  private readonly controller = new AbortController();

  constructor(private readonly adapterHost: HttpAdapterHost) {}

  /** Emits once, when the process begins to stop. */
  readonly started = this.subject.asObservable();

  /** Aborts at the same time. */
  get signal(): AbortSignal {
    return this.controller.signal;
  }

  get isStopping(): boolean {
    return this.controller.signal.aborted;
  }

  async beforeApplicationShutdown(): Promise<void> {
    this.controller.abort();
    this.subject.next();
    this.subject.complete();
    const { httpAdapter } = this.adapterHost;
    // Afterwards Nest closes all connections, including those with unsent data.
    if (httpAdapter instanceof HttpServerAdapter) await httpAdapter.drain();
  }
}
