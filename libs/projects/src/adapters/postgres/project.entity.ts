import { Column, Entity, Index, PrimaryColumn } from 'typeorm';
import type { DesiredState, ProjectSpec, ProjectStatus } from '../../domain/project.js';

/** The fields of a project kept in one column, since no query searches by them. */
export type ProjectSettings = Pick<
  ProjectSpec,
  'image' | 'pullSecretName' | 'gitSecretName' | 'envFrom' | 'resources' | 'storage' | 'egress'
>;

@Entity('projects')
@Index('projects_due', ['dueAt'])
export class ProjectEntity {
  @PrimaryColumn({ type: 'text', collation: 'C', primaryKeyConstraintName: 'projects_pkey' })
  id!: string;

  @Column('text')
  name!: string;

  @Column('text')
  status!: ProjectStatus;

  @Column('text', { nullable: true })
  reason!: string | null;

  @Column('text', { name: 'git_url', nullable: true })
  gitUrl!: string | null;

  @Column('text', { name: 'git_ref', nullable: true })
  gitRef!: string | null;

  @Column('json')
  env!: Record<string, string>;

  @Column('jsonb')
  labels!: Record<string, string>;

  @Column({ type: 'timestamptz', name: 'created_at', precision: 3, default: () => 'now()' })
  createdAt!: Date;

  @Column('json', { default: {} })
  settings!: ProjectSettings;

  @Column('integer', { name: 'ttl_seconds', nullable: true })
  ttlSeconds!: number | null;

  @Column('integer', { name: 'idle_stop_seconds', nullable: true })
  idleStopSeconds!: number | null;

  @Column('boolean', { name: 'wake_on_command', default: true })
  wakeOnCommand!: boolean;

  @Column('text', { default: 'running' })
  desired!: DesiredState;

  @Column('integer', { default: 1 })
  revision!: number;

  @Column({ type: 'timestamptz', name: 'changed_at', precision: 3, default: () => 'now()' })
  changedAt!: Date;

  @Column('integer', { default: 0 })
  restarts!: number;

  @Column('boolean', { name: 'keep_storage', default: false })
  keepStorage!: boolean;

  @Column('text', { nullable: true })
  volume!: string | null;

  @Column('boolean', { name: 'volume_lost', default: false })
  volumeLost!: boolean;

  /** When it must be reconciled next. */
  @Column({ type: 'timestamptz', name: 'due_at', precision: 3, default: () => 'now()' })
  dueAt!: Date;

  /** The replica that is reconciling it. */
  @Column('text', { name: 'lease_owner', nullable: true })
  leaseOwner!: string | null;

  @Column({ type: 'timestamptz', name: 'lease_expires_at', precision: 3, nullable: true })
  leaseExpiresAt!: Date | null;
}

/** When a project was last used. Separate from the project, since pods not created by rdev are used too. */
@Entity('project_activity')
export class ProjectActivityEntity {
  @PrimaryColumn({
    type: 'text',
    name: 'project_id',
    collation: 'C',
    primaryKeyConstraintName: 'project_activity_pkey',
  })
  projectId!: string;

  @Column({ type: 'timestamptz', name: 'last_command_at', precision: 3 })
  lastCommandAt!: Date;

  /** When a command was last created or ended. */
  @Column({ type: 'timestamptz', name: 'active_at', precision: 3, default: () => 'now()' })
  activeAt!: Date;
}
