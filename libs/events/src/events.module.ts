import { EventLog } from '@app/kernel';
import { Global, Module } from '@nestjs/common';
import { TypeOrmModule } from '@nestjs/typeorm';
import { EventCursor } from './event-cursor.js';
import { EventCursorEntity } from './event-cursor.entity.js';
import { EventRelay } from './event-relay.js';
import { EventEntity, EventLogHeadEntity, PendingEventEntity } from './event.entities.js';
import { PostgresEventLog } from './postgres-event-log.js';

/** The event log. */
@Global()
@Module({
  imports: [TypeOrmModule.forFeature([EventEntity, PendingEventEntity, EventLogHeadEntity, EventCursorEntity])],
  providers: [{ provide: EventLog, useClass: PostgresEventLog }, EventRelay, EventCursor],
  exports: [EventLog, EventCursor],
})
export class EventsModule {}
