import type { Actor } from '@app/kernel';
import { Column, Entity, Index, PrimaryColumn } from 'typeorm';
import type { CommandSpec, Instance, SpecOutline } from '../../domain/command.js';
import type { CommandType } from '../../domain/work/index.js';
import type { CommandStatus } from '../../domain/status.js';
import type { CommandResult } from '../../domain/result.js';

const at = { type: 'timestamptz', precision: 3, nullable: true } as const;

/** The partial indexes are in the migration, since decorators cannot express them exactly. */
@Entity('commands')
@Index('commands_project', ['projectId', 'id'])
@Index('commands_active', { synchronize: false })
@Index('commands_lease', { synchronize: false })
@Index('commands_input', { synchronize: false })
export class CommandEntity {
  @PrimaryColumn({ type: 'text', collation: 'C', primaryKeyConstraintName: 'commands_pkey' })
  id!: string;

  @Column({ type: 'text', name: 'project_id', collation: 'C' })
  projectId!: string;

  @Column({ type: 'text', name: 'key_id', collation: 'C', nullable: true })
  keyId!: string | null;

  @Column('text')
  type!: CommandType;

  @Column('json')
  spec!: CommandSpec;

  /** The small part of the spec; null in rows of releases without this column. */
  @Column('json', { nullable: true })
  outline!: SpecOutline | null;

  @Column('jsonb')
  labels!: Record<string, string>;

  @Column('text')
  status!: CommandStatus;

  /** 0 low to 3 urgent. */
  @Column('smallint')
  priority!: number;

  @Column('text', { nullable: true })
  lock!: string | null;

  @Column('text', { nullable: true })
  trace!: string | null;

  @Column({ type: 'timestamptz', name: 'created_at', precision: 3, default: () => 'now()' })
  createdAt!: Date;

  @Column({ ...at, name: 'queue_expires_at' })
  queueExpiresAt!: Date | null;

  @Column({ ...at, name: 'admitted_at' })
  admittedAt!: Date | null;

  @Column({ ...at, name: 'started_at' })
  startedAt!: Date | null;

  @Column({ ...at, name: 'first_byte_at' })
  firstByteAt!: Date | null;

  @Column({ ...at, name: 'cancel_requested_at' })
  cancelRequestedAt!: Date | null;

  @Column('smallint', { name: 'cancel_grace_seconds', nullable: true })
  cancelGraceSeconds!: number | null;

  @Column('text', { name: 'cancel_reason', nullable: true })
  cancelReason!: string | null;

  @Column({ ...at, name: 'unreachable_since' })
  unreachableSince!: Date | null;

  @Column({ ...at, name: 'ended_at' })
  endedAt!: Date | null;

  @Column('json', { nullable: true })
  instance!: Instance | null;

  @Column('text', { name: 'lease_owner', nullable: true })
  leaseOwner!: string | null;

  @Column({ ...at, name: 'lease_expires_at' })
  leaseExpiresAt!: Date | null;

  @Column('bigint', { name: 'stdout_bytes', default: 0 })
  stdoutBytes!: string;

  @Column('bigint', { name: 'stderr_bytes', default: 0 })
  stderrBytes!: string;

  /** Who created it; null: an earlier release did. */
  @Column('json', { nullable: true })
  actor!: Actor | null;

  /** Bytes known to have been written to an open stdin. */
  @Column('bigint', { name: 'stdin_bytes', nullable: true })
  stdinBytes!: string | null;

  /** Whether the spec may contain values of variables, or a text for stdin. */
  @Column('boolean', { name: 'has_input', default: true })
  hasInput!: boolean;

  @Column('json', { nullable: true })
  result!: CommandResult | null;
}
