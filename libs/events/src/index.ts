export { EventBacklog, type EventBacklogState } from './event-backlog.js';
export { EventCursor } from './event-cursor.js';
export { EventsModule } from './events.module.js';
export { EventRelay } from './event-relay.js';
export { PostgresEventLog } from './postgres-event-log.js';
export { eventPartitions } from './event-partitions.js';
