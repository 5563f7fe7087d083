import { Check, Column, Entity, Index, PrimaryColumn, PrimaryGeneratedColumn } from 'typeorm';
import type { Actor, NewEvent } from '@app/kernel';

/** A sealed event: it has its position in the log. */
@Entity('events')
@Index('events_project', ['projectId', 'seq'])
@Index('events_at', ['at', 'seq'])
@Index('events_type', ['type', 'at', 'seq'])
@Index('events_outcome', ['outcome', 'at', 'seq'])
@Index('events_target', { synchronize: false })
@Index('events_project_at', ['projectId', 'at', 'seq'])
@Index('events_key', { synchronize: false })
@Index('events_ip', { synchronize: false })
@Index('events_request', { synchronize: false })
@Index('events_trace', { synchronize: false })
export class EventEntity {
  @PrimaryColumn({ type: 'bigint', primaryKeyConstraintName: 'events_pkey' })
  seq!: string;

  @PrimaryColumn({ type: 'timestamptz', precision: 3, primaryKeyConstraintName: 'events_pkey' })
  at!: Date;

  @Column({ type: 'text', collation: 'C' })
  id!: string;

  @Column('text')
  type!: string;

  @Column({ type: 'text', name: 'project_id', collation: 'C', nullable: true })
  projectId!: string | null;

  @Column('text')
  target!: string;

  @Column('text')
  outcome!: NewEvent['outcome'];

  @Column('json')
  actor!: Actor;

  @Column('json')
  data!: Record<string, unknown>;

  @Column('json', { nullable: true })
  details!: Record<string, unknown> | null;

  /** The seal; null: a former release has moved it, and it is not sealed yet. */
  @Column('bytea', { nullable: true })
  hash!: Buffer | null;
}

/** Both ends of the log; one row. */
@Entity('event_log_head')
@Check('event_log_head_one', 'id')
export class EventLogHeadEntity {
  @PrimaryColumn({ type: 'boolean', default: true, primaryKeyConstraintName: 'event_log_head_pkey' })
  id!: boolean;

  /** The last one that was assigned. */
  @Column({ type: 'bigint', name: 'last_seq', default: 0 })
  lastSeq!: string;

  /** The last one that is sealed. */
  @Column({ type: 'bigint', name: 'sealed_seq', default: 0 })
  sealedSeq!: string;

  /** The seal of `sealedSeq`; null: that before the first event. */
  @Column('bytea', { nullable: true })
  hash!: Buffer | null;

  /** The event before the first one that is kept: its partition was dropped. */
  @Column({ type: 'bigint', name: 'start_seq', default: 0 })
  startSeq!: string;

  /** The seal of `startSeq`. */
  @Column('bytea', { name: 'start_hash', nullable: true })
  startHash!: Buffer | null;
}

/** A committed event without a position in the log. */
@Entity('pending_events')
export class PendingEventEntity {
  @PrimaryGeneratedColumn('identity', {
    type: 'bigint',
    generatedIdentity: 'ALWAYS',
    primaryKeyConstraintName: 'pending_events_pkey',
  })
  id!: string;

  @Column({ type: 'text', name: 'event_id', collation: 'C' })
  eventId!: string;

  @Column('text')
  type!: string;

  @Column({ type: 'timestamptz', precision: 3, default: () => 'clock_timestamp()' })
  at!: Date;

  @Column({ type: 'text', name: 'project_id', collation: 'C', nullable: true })
  projectId!: string | null;

  @Column('text')
  target!: string;

  @Column('text')
  outcome!: NewEvent['outcome'];

  @Column('json')
  actor!: Actor;

  @Column('json')
  data!: Record<string, unknown>;

  @Column('json', { nullable: true })
  details!: Record<string, unknown> | null;
}
