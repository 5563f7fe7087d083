import type { MigrationInterface, QueryRunner } from 'typeorm';

/** The desired state of a project, and the schedule of its reconciliation. */
export class AddProjectLifeCycle1764150000000 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`ALTER TABLE projects
      ADD COLUMN settings json NOT NULL DEFAULT '{}',
      ADD COLUMN ttl_seconds integer,
      ADD COLUMN idle_stop_seconds integer,
      ADD COLUMN wake_on_command boolean NOT NULL DEFAULT true,
      ADD COLUMN desired text NOT NULL DEFAULT 'running',
      ADD COLUMN revision integer NOT NULL DEFAULT 1,
      ADD COLUMN changed_at timestamptz(3) NOT NULL DEFAULT now(),
      ADD COLUMN restarts integer NOT NULL DEFAULT 0,
      ADD COLUMN keep_storage boolean NOT NULL DEFAULT false,
      ADD COLUMN due_at timestamptz(3) NOT NULL DEFAULT now(),
      ADD COLUMN lease_owner text,
      ADD COLUMN lease_expires_at timestamptz(3)`);
    await runner.query('CREATE INDEX projects_due ON projects (due_at)');
    await runner.query('ALTER TABLE project_activity ADD COLUMN active_at timestamptz(3) NOT NULL DEFAULT now()');
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('ALTER TABLE project_activity DROP COLUMN active_at');
    await runner.query(`ALTER TABLE projects
      DROP COLUMN settings, DROP COLUMN ttl_seconds, DROP COLUMN idle_stop_seconds, DROP COLUMN wake_on_command,
      DROP COLUMN desired, DROP COLUMN revision, DROP COLUMN changed_at, DROP COLUMN restarts, DROP COLUMN keep_storage,
      DROP COLUMN due_at, DROP COLUMN lease_owner, DROP COLUMN lease_expires_at`);
  }
}
