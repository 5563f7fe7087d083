import { Database, violatedUnique } from '@app/database';
import { Injectable } from '@nestjs/common';
import { ProjectRepository } from '../../application/project.repository.js';
import type { Condition, ManagedProject, ProjectChange, ProjectSpec, ProjectStatus } from '../../domain/project.js';
import { ProjectExists } from '../../domain/project.errors.js';
import type { ProjectSettings } from './project.entity.js';

const COLUMNS = `id, name, status, reason, git_url AS "gitUrl", git_ref AS "gitRef", env, labels, created_at AS "createdAt",
  settings, ttl_seconds AS "ttlSeconds", idle_stop_seconds AS "idleStopSeconds", wake_on_command AS "wakeOnCommand",
  desired, revision, changed_at AS "changedAt", restarts, keep_storage AS "keepStorage"`;

/** Before there were settings, projects were made without any. */
const NO_SETTINGS: ProjectSettings = {
  image: null,
  pullSecretName: null,
  gitSecretName: null,
  envFrom: [],
  resources: null,
  storage: null,
  egress: null,
};

/** Columns of their own; what else changes is in the settings. */
const COLUMN_OF: Partial<Record<keyof ProjectChange, string>> = {
  name: 'name',
  env: 'env',
  labels: 'labels',
  ttlSeconds: 'ttl_seconds',
  idleStopSeconds: 'idle_stop_seconds',
  wakeOnCommand: 'wake_on_command',
  status: 'status',
  reason: 'reason',
  desired: 'desired',
  restarts: 'restarts',
  keepStorage: 'keep_storage',
};

type ProjectRow = Omit<ManagedProject, keyof ProjectSettings> & { readonly settings: Partial<ProjectSettings> };

@Injectable()
export class TypeormProjectRepository extends ProjectRepository {
  constructor(private readonly database: Database) {
    super();
  }

  async insert(project: ProjectSpec, status: ProjectStatus): Promise<void> {
    const { id, name, gitUrl, gitRef, env, labels, ttlSeconds, idleStopSeconds, wakeOnCommand } = project;
    try {
      await this.database.query(
        `INSERT INTO projects (id, name, status, git_url, git_ref, env, labels, settings, ttl_seconds, idle_stop_seconds, wake_on_command)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)`,
        [
          ...[id, name, status, gitUrl, gitRef, JSON.stringify(env), JSON.stringify(labels)],
          ...[JSON.stringify(settingsOf(project)), ttlSeconds, idleStopSeconds, wakeOnCommand],
        ],
      );
    } catch (error) {
      if (violatedUnique(error) === null) throw error;
      throw new ProjectExists(id, { cause: error });
    }
  }

  async findById(id: string): Promise<ManagedProject | null> {
    const [project] = await this.select('WHERE id = $1', [id]);
    return project ?? null;
  }

  async lock(id: string): Promise<ManagedProject | null> {
    const [project] = await this.select('WHERE id = $1 FOR NO KEY UPDATE', [id]);
    return project ?? null;
  }

  all(): Promise<readonly ManagedProject[]> {
    return this.select('', []);
  }

  async change(id: string, change: ProjectChange): Promise<boolean> {
    const values: unknown[] = [id];
    const settings: Record<string, unknown> = {};
    const assignments = Object.entries(change).flatMap(([field, value]) => {
      const column = COLUMN_OF[field as keyof ProjectChange];
      if (column === undefined) {
        settings[field] = value;
        return [];
      }
      values.push(typeof value === 'object' && value !== null ? JSON.stringify(value) : value);
      return [`${column} = $${String(values.length)}`];
    });
    values.push(JSON.stringify(settings));
    const rows = await this.database.query(
      `UPDATE projects SET ${[...assignments, ''].join(', ')} settings = (settings::jsonb || $${String(values.length)}::jsonb)::json,
         revision = revision + 1, changed_at = clock_timestamp(), due_at = now()
       WHERE id = $1 AND status <> 'terminating' RETURNING id`,
      values,
    );
    return rows.length === 1;
  }

  async observe(
    { id, revision }: Pick<ManagedProject, 'id' | 'revision'>,
    { status, reason }: Condition,
  ): Promise<boolean> {
    const changed = await this.database.query(
      `UPDATE projects SET status = $3, reason = $4
       WHERE id = $1 AND revision = $2 AND status NOT IN ('terminating', $3) RETURNING id`,
      [id, revision, status, reason],
    );
    if (changed.length === 1) return true;
    await this.database.query(
      `UPDATE projects SET reason = $4
       WHERE id = $1 AND revision = $2 AND status = $3 AND reason IS DISTINCT FROM $4`,
      [id, revision, status, reason],
    );
    return false;
  }

  async delete(id: string): Promise<boolean> {
    const rows = await this.database.query('DELETE FROM projects WHERE id = $1 RETURNING id', [id]);
    return rows.length === 1;
  }

  async claim(owner: string, leaseSeconds: number, max: number, id?: string): Promise<readonly ManagedProject[]> {
    const due = `lease_expires_at <= now() OR (lease_expires_at IS NULL AND ($4::text IS NOT NULL OR due_at <= now()))`;
    const rows = await this.database.query<ProjectRow>(
      `UPDATE projects SET lease_owner = $1, lease_expires_at = now() + make_interval(secs => $2), due_at = 'infinity'
       WHERE id IN (
         SELECT id FROM projects WHERE ($4::text IS NULL OR id = $4) AND (${due})
         ORDER BY due_at LIMIT $3 FOR NO KEY UPDATE SKIP LOCKED
       ) RETURNING ${COLUMNS}`,
      [owner, leaseSeconds, max, id ?? null],
    );
    return rows.map(toProject);
  }

  async renew(id: string, owner: string, leaseSeconds: number): Promise<boolean> {
    const rows = await this.database.query(
      `UPDATE projects SET lease_expires_at = now() + make_interval(secs => $3)
       WHERE id = $1 AND lease_owner = $2 AND lease_expires_at > now() RETURNING id`,
      [id, owner, leaseSeconds],
    );
    return rows.length === 1;
  }

  async release(id: string, owner: string, dueInSeconds: number): Promise<void> {
    await this.database.query(
      `UPDATE projects SET lease_owner = NULL, lease_expires_at = NULL,
         due_at = least(due_at, now() + make_interval(secs => $3)) WHERE id = $1 AND lease_owner = $2`,
      [id, owner, dueInSeconds],
    );
  }

  async makeDue(id: string): Promise<void> {
    await this.database.query('UPDATE projects SET due_at = now() WHERE id = $1 AND due_at > now()', [id]);
  }

  async expired(): Promise<readonly string[]> {
    const rows = await this.database.query<{ id: string }>(
      `SELECT id FROM projects
       WHERE status <> 'terminating' AND created_at + make_interval(secs => ttl_seconds) <= now()`,
    );
    return rows.map(({ id }) => id);
  }

  async idle(): Promise<readonly string[]> {
    const rows = await this.database.query<{ id: string }>(
      `SELECT id FROM projects LEFT JOIN project_activity ON project_id = id
       WHERE status = 'running' AND desired = 'running'
         AND greatest(changed_at, active_at) + make_interval(secs => idle_stop_seconds) <= now()`,
    );
    return rows.map(({ id }) => id);
  }

  async touch(ids: readonly string[], what: 'created' | 'ended'): Promise<void> {
    // In one order, so that replicas do not wait for each other in a circle.
    await this.database.query(
      `INSERT INTO project_activity (project_id, last_command_at, active_at)
       SELECT id, now(), now() FROM unnest($1::text[]) AS id ORDER BY id
       ON CONFLICT (project_id) DO UPDATE SET active_at = now()${what === 'created' ? ', last_command_at = now()' : ''}`,
      [ids],
    );
  }

  async lastCommandAt(ids: readonly string[]): Promise<ReadonlyMap<string, Date>> {
    const rows = await this.database.query<{ id: string; at: Date }>(
      'SELECT project_id AS id, last_command_at AS at FROM project_activity WHERE project_id = ANY($1)',
      [ids],
    );
    return new Map(rows.map(({ id, at }) => [id, at]));
  }

  private async select(where: string, parameters: readonly unknown[]): Promise<readonly ManagedProject[]> {
    const rows = await this.database.query<ProjectRow>(`SELECT ${COLUMNS} FROM projects ${where}`, parameters);
    return rows.map(toProject);
  }
}

function toProject({ settings, ...row }: ProjectRow): ManagedProject {
  return { ...row, ...NO_SETTINGS, ...settings };
}

function settingsOf(project: ProjectSpec): ProjectSettings {
  const { image, pullSecretName, gitSecretName, envFrom, resources, storage, egress } = project;
  return { image, pullSecretName, gitSecretName, envFrom, resources, storage, egress };
}
