export {
  ACCESS,
  type Access,
  AnyKey,
  Caller,
  type Grant,
  Public,
  RequestAuthenticator,
  Scoped,
  type StreamLease,
  rightLost,
} from './access.js';
export { GuardsModule } from './guards.module.js';
export { endHead, writeTo } from './body-stream.js';
export { breakOff } from './break-off.js';
export { clientLeft } from './client-left.js';
export { type TrustedProxies, clientAddress } from './client-address.js';
export { HttpModule } from './http.module.js';
export { type HttpServerOptions, HttpServerAdapter, REQUEST_LIMITS } from './http-server.js';
export { Idempotent } from './idempotency.js';
export { IsInstant, QueryInteger } from './input.js';
export { ARGUMENT_BYTES_MAX, IsEnvironment, IsLabelFilter, IsLabels } from './maps.js';
export { noStore } from './no-store.middleware.js';
export { PageQuery } from './page.dto.js';
export { InvalidFieldResponse, ProblemResponse } from './problem.dto.js';
export { onceClosed } from './once-closed.js';
export { OpenStreams, TooManyStreams } from './open-streams.js';
export { type Refusal, RefusalRecorder } from './refusal-recorder.js';
export { PublicUrl } from './public-url.js';
export { requestContext } from './request-context.middleware.js';
export { unambiguous } from './unambiguous.middleware.js';
export { Shutdown } from './shutdown.js';
export { proxyWarnings } from './proxy-warnings.js';
export { EventStreams } from './event-streams.js';
export { HEARTBEAT_MS, openEventStreams } from './sse.js';
export { ResumableSse } from './resumable-sse.js';
export { BodyBudget } from './body-budget.js';
export { requestTraceId, routeTemplate } from './request-span.js';
