import { AsyncLocalStorage } from 'node:async_hooks';
import type { Actor } from './event-log.js';

export interface RequestContext {
  readonly requestId: string;
  /** The caller; the key is filled in once it is authenticated. */
  actor: Actor;
  /** Method and path, and what the client sent to have a creation happen once; null: nothing. */
  idempotency?: { readonly route: string; readonly key: string; readonly fingerprint: Buffer } | null;
  /** What is answered was made by an earlier request. */
  isReplay?: boolean;
}

const storage = new AsyncLocalStorage<RequestContext>();

const system: Actor = { keyId: null, ip: null, userAgent: null, requestId: null };

/** Runs the work of one request, so that what it logs and records can say who asked. */
export function runInRequest<T>(context: RequestContext, work: () => T): T {
  return storage.run(context, work);
}

/** Null outside a request. */
export function currentRequest(): RequestContext | null {
  return storage.getStore() ?? null;
}

/** Who is acting now; the system itself outside a request. */
export function currentActor(): Actor {
  return storage.getStore()?.actor ?? system;
}
