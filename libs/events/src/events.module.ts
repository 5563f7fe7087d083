import { AuditDigest, EventLog } from '@app/kernel';
import { Global, Module } from '@nestjs/common';
import { TypeOrmModule } from '@nestjs/typeorm';
import { EventCursor } from './event-cursor.js';
import { EventCursorEntity } from './event-cursor.entity.js';
import { EventRelay } from './event-relay.js';
import { EventEntity, EventLogHeadEntity, PendingEventEntity } from './event.entities.js';
import { PostgresEventLog } from './postgres-event-log.js';

/** Until the audit has a key. */
const NO_DIGEST: AuditDigest = { digest: () => null };

/** The event log. */
@Global()
@Module({
  imports: [TypeOrmModule.forFeature([EventEntity, PendingEventEntity, EventLogHeadEntity, EventCursorEntity])],
  providers: [
    { provide: EventLog, useClass: PostgresEventLog },
    { provide: AuditDigest, useValue: NO_DIGEST },
    EventRelay,
    EventCursor,
  ],
  exports: [AuditDigest, EventLog, EventCursor],
})
export class EventsModule {}
