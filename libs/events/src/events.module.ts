import { EventLog, ReadRecorder } from '@app/kernel';
import { type DynamicModule, Global, Module } from '@nestjs/common';
import { TypeOrmModule } from '@nestjs/typeorm';
import { EventCursor } from './event-cursor.js';
import { EventCursorEntity } from './event-cursor.entity.js';
import { EventRelay } from './event-relay.js';
import { EventEntity, EventLogHeadEntity, PendingEventEntity } from './event.entities.js';
import { LoggedReads } from './logged-reads.js';
import { PostgresEventLog } from './postgres-event-log.js';

/** The event log. */
@Global()
@Module({
  imports: [TypeOrmModule.forFeature([EventEntity, PendingEventEntity, EventLogHeadEntity, EventCursorEntity])],
  providers: [{ provide: EventLog, useClass: PostgresEventLog }, EventRelay, EventCursor],
  exports: [EventLog, EventCursor],
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
