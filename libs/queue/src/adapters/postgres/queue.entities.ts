import { Check, Column, Entity, Index, PrimaryColumn } from 'typeorm';

const id = { type: 'text', collation: 'C' } as const;
const at = { type: 'timestamptz', precision: 3 } as const;

/** A queued command. An empty key or lock means none. */
@Entity('queued_commands')
@Index('queued_commands_order', ['projectId', 'dueAt', 'turn', 'commandId'])
@Index('queued_commands_lane', ['projectId', 'keyId', 'lock', 'dueAt', 'turn', 'commandId'])
@Index('queued_commands_expiry', { synchronize: false })
export class QueuedCommandEntity {
  @PrimaryColumn({ ...id, name: 'command_id', primaryKeyConstraintName: 'queued_commands_pkey' })
  commandId!: string;

  @Column({ ...id, name: 'project_id' })
  projectId!: string;

  @Column({ ...id, name: 'key_id' })
  keyId!: string;

  @Column(id)
  lock!: string;

  @Column('smallint')
  priority!: number;

  @Column({ ...at, name: 'due_at' })
  dueAt!: Date;

  @Column('integer')
  turn!: number;

  @Column({ ...at, name: 'created_at' })
  createdAt!: Date;

  @Column({ ...at, name: 'expires_at', nullable: true })
  expiresAt!: Date | null;
}

/**
 * Queued commands of one project, key and lock, which wait for the same things. None of them precedes the recorded
 * head.
 */
@Entity('queue_lanes')
@Index('queue_lanes_order', ['dueAt', 'turn', 'commandId'])
export class QueueLaneEntity {
  @PrimaryColumn({ ...id, name: 'project_id', primaryKeyConstraintName: 'queue_lanes_pkey' })
  projectId!: string;

  @PrimaryColumn({ ...id, name: 'key_id', primaryKeyConstraintName: 'queue_lanes_pkey' })
  keyId!: string;

  @PrimaryColumn({ ...id, primaryKeyConstraintName: 'queue_lanes_pkey' })
  lock!: string;

  @Column({ ...at, name: 'due_at' })
  dueAt!: Date;

  @Column('integer')
  turn!: number;

  @Column({ ...id, name: 'command_id' })
  commandId!: string;
}

/** A paused queue; the empty project id means all queues. */
@Entity('queue_pauses')
export class QueuePauseEntity {
  @PrimaryColumn({ ...id, name: 'project_id', primaryKeyConstraintName: 'queue_pauses_pkey' })
  projectId!: string;

  @Column({ ...at, name: 'paused_at', default: () => 'now()' })
  pausedAt!: Date;
}

/** Number of admissions so far; one row. */
@Entity('admission_round')
@Check('admission_round_one', 'id')
export class AdmissionRoundEntity {
  @PrimaryColumn({ type: 'boolean', default: true, primaryKeyConstraintName: 'admission_round_pkey' })
  id!: boolean;

  @Column({ type: 'bigint', default: 0 })
  number!: string;
}
