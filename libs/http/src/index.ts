export { ACCESS, type Access, AnyKey, type AuthenticatedRequest, Caller, Public, Scoped } from './access.js';
export { HttpModule } from './http.module.js';
export { jsonOnly } from './json-only.middleware.js';
export { PageQuery } from './page.dto.js';
export { InvalidFieldResponse, ProblemResponse } from './problem.dto.js';
export { requestContext } from './request-context.middleware.js';
export { Shutdown } from './shutdown.js';
export { HEARTBEAT_MS, paced, stream } from './sse.js';
export { validationPipe } from './validation.pipe.js';
