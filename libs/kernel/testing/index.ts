export { aCaller } from './a-caller.js';
export { Deferred, until } from './deferred.js';
export { describeEventLog, type EventLogHarness } from './describe-event-log.js';
export { describeNotifier, type NotifierHarness } from './describe-notifier.js';
export { describeTransactor, type TransactorHarness } from './describe-transactor.js';
export { FakeClock } from './fake-clock.js';
export { InMemoryEventLog } from './in-memory-event-log.js';
export { InMemoryNotifier } from './in-memory-notifier.js';
export { InMemoryTransactor } from './in-memory-transactor.js';
