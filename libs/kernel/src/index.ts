export { type ErrorKind, type InvalidField, DomainError, InvalidInput, NotFound, Unavailable } from './domain-error.js';
export { Clock, SystemClock } from './clock.js';
export { type IdPrefix, newId, isId, idFloor } from './ids.js';
export { type Page, type PageRequest, InvalidCursor, encodeCursor, decodeCursor, toPage } from './page.js';
export { Transactor } from './transactor.js';
export { type Actor, type NewEvent, type LoggedEvent, type EventFilter, EventLog } from './event-log.js';
export { type RequestContext, runInRequest, currentRequest, currentActor } from './request-context.js';
export { Notifier } from './notifier.js';
export { SCOPES, type Scope, type Caller, hasScope, maySeeProject } from './caller.js';
