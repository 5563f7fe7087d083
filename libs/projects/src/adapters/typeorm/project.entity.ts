import { Column, Entity, PrimaryColumn } from 'typeorm';
import type { ProjectStatus } from '../../domain/project.js';

@Entity('projects')
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
}

/** When a project was last used; apart from the project, as pods that others made are used too. */
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
}
