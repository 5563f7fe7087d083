import { Column, Entity, PrimaryColumn } from 'typeorm';

/** How far a durable reader of the log has come. */
@Entity('event_cursors')
export class EventCursorEntity {
  @PrimaryColumn({ type: 'text', primaryKeyConstraintName: 'event_cursors_pkey' })
  name!: string;

  @Column('bigint')
  seq!: string;
}
