export { type ErrorKind, type InvalidField, DomainError, InvalidInput, NotFound, Unavailable } from './domain-error.js';
export { InsufficientScope, Unauthenticated } from './access-errors.js';
export { type Read, ReadRecorder } from './read-recorder.js';
export { RateLimited, wholeSeconds } from './rate-limited.js';
export { StartRefused } from './start-refused.js';
export { canonicalAddress, isInNetworks, networkMatcher, subscriberOf } from './addresses.js';
export { AuditDigest, type KeyedDigest } from './audit-digest.js';
export { type Callback, Callbacks } from './callbacks.js';
export { Clock } from './clock.js';
export { Install } from './install.js';
export { type IdPrefix, newId, isId, idFloor, idTime } from './ids.js';
export {
  type Page,
  type PageRequest,
  InvalidCursor,
  PAGE_BYTES_MAX,
  encodeCursor,
  decodeCursor,
  decodeIdCursor,
  toPage,
} from './page.js';
export { type TraceContext, formatTraceparent, parseTraceparent } from './trace-context.js';
export { Transactor } from './transactor.js';
export { type Actor, type NewEvent, type LoggedEvent, type EventFilter, EventLog } from './event-log.js';
export { type RequestContext, runInRequest, currentRequest, currentActor } from './request-context.js';
export { type Creation, Idempotency, IdempotencyMismatch, IdempotencyUnsettled, ResourceGone } from './idempotency.js';
export { GENESIS, type LogRecord, sealAll, sealOf } from './seal.js';
export { canonicalJson } from './canonical-json.js';
export { jsonLine } from './json-line.js';
export { maskSecrets } from './mask-secrets.js';
export { Notifier } from './notifier.js';
export { type StreamRoute, StreamRoutes } from './stream-routes.js';
export { Coalescer } from './coalescer.js';
export { Poller } from './poller.js';
export { LogThrottle } from './log-throttle.js';
export { Waiter } from './waiter.js';
export { SCOPES, type Scope, type Caller, hasScope, matchesGlob, maySeeProject } from './caller.js';
export { type EgressRule, isEgressList, parseEgress } from './egress.js';
export { isQuantities, parseQuantity } from './quantity.js';
export { type LeaseHolder, newLeaseOwner, replicaName } from './replica.js';
