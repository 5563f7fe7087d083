import { AsyncLocalStorage } from 'node:async_hooks';
import type { Actor } from './event-log.js';

export interface RequestContext {
  readonly requestId: string;
  /** What is handed on to what the request causes: the context of its own span, or that of the client. */
  readonly traceparent?: string | null;
  /** The caller; the key is set once it is authenticated. */
  actor: Actor;
  /** Method and path, Idempotency-Key and fingerprint of the body; null: no key. */
  idempotency?: { readonly route: string; readonly key: string; readonly fingerprint: Buffer } | null;
  /** The response returns the result of an earlier request. */
  isReplay?: boolean;
}

const storage = new AsyncLocalStorage<RequestContext>();

const system: Actor = { keyId: null, ip: null, userAgent: null, requestId: null, traceId: null };

/** Runs the work of a request, so that logs and events can contain the actor. */
export function runInRequest<T>(context: RequestContext, work: () => T): T {
  return storage.run(context, work);
}

/** Null outside a request. */
export function currentRequest(): RequestContext | null {
  return storage.getStore() ?? null;
}

/** The current actor; the system itself outside a request. */
export function currentActor(): Actor {
  return storage.getStore()?.actor ?? system;
}
