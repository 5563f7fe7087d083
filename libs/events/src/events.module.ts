import { EventLog, ReadRecorder } from '@app/kernel';
import { type DynamicModule, Global, Module } from '@nestjs/common';
import { TypeOrmModule } from '@nestjs/typeorm';
import { EventBacklog } from './event-backlog.js';
import { EventCursor } from './event-cursor.js';
import { EventCursorEntity } from './event-cursor.entity.js';
import { EventMetrics, eventMetrics } from './event-metrics.js';
import { EventRelay } from './event-relay.js';
import { EventEntity, EventLogHeadEntity, PendingEventEntity } from './event.entities.js';
import { LoggedReads } from './logged-reads.js';
import { PostgresEventLog } from './postgres-event-log.js';

/** The event log. */
@Global()
@Module({
  imports: [TypeOrmModule.forFeature([EventEntity, PendingEventEntity, EventLogHeadEntity, EventCursorEntity])],
  providers: [
    { provide: EventLog, useClass: PostgresEventLog },
    EventRelay,
    EventCursor,
    EventBacklog,
    EventMetrics,
    ...eventMetrics,
  ],
  exports: [EventLog, EventCursor, EventBacklog],
})
export class EventsModule {
  /** @param recordsReads whether reads of output and of the audit are recorded */
  static with(recordsReads: boolean): DynamicModule {
    const useFactory = (log: EventLog): ReadRecorder => new LoggedReads(log, recordsReads);
    return {
      module: EventsModule,
      providers: [{ provide: ReadRecorder, inject: [EventLog], useFactory }],
      exports: [ReadRecorder],
    };
  }
}
