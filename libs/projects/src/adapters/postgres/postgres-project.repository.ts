import type { LeaseHolder } from '@app/kernel';
import { Database, NOW, THIS_MOMENT, likePatterns, violatedUnique, withinPage } from '@app/database';
import { Injectable } from '@nestjs/common';
import {
  IDS_PER_READ,
  type ProjectFilter,
  ProjectRepository,
  type SomeProjects,
} from '../../application/project.repository.js';
import type {
  Condition,
  ManagedProject,
  PlaceInList,
  ProjectChange,
  ProjectSpec,
  ProjectStatus,
} from '../../domain/project.js';
import { ProjectExists } from '../../domain/project.errors.js';
import type { ProjectSettings } from './project.entity.js';

/** All columns except the variables. */
const COLUMNS = `id, name, status, reason, git_url AS "gitUrl", git_ref AS "gitRef", labels, created_at AS "createdAt",
  settings, ttl_seconds AS "ttlSeconds", idle_stop_seconds AS "idleStopSeconds", wake_on_command AS "wakeOnCommand",
  desired, revision, changed_at AS "changedAt", restarts, keep_storage AS "keepStorage",
  volume, volume_lost AS "volumeLost"`;

const NEXT = `id > $1 ORDER BY id LIMIT ${String(IDS_PER_READ)}`;

/** Projects from before this column was added. */
const NO_SETTINGS: ProjectSettings = {
  image: null,
  pullSecretName: null,
  gitSecretName: null,
  envFrom: [],
  resources: null,
  storage: null,
  egress: null,
};

/** Fields with their own column; all others are in the settings. */
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
  volumeLost: 'volume_lost',
};

type ProjectRow = Omit<ManagedProject, keyof ProjectSettings> & { readonly settings: Partial<ProjectSettings> };

@Injectable()
export class PostgresProjectRepository implements ProjectRepository {
  constructor(private readonly database: Database) {}

  async insert(project: ProjectSpec, status: ProjectStatus): Promise<void> {
    const { id, name, gitUrl, gitRef, env, labels, ttlSeconds, idleStopSeconds, wakeOnCommand } = project;
    try {
      await this.database.query(
        // Does not inherit the activity of an earlier project, or of pods, with this id.
        `WITH forgotten AS (DELETE FROM project_activity WHERE project_id = $1)
         INSERT INTO projects (id, name, status, git_url, git_ref, env, labels, settings, ttl_seconds, idle_stop_seconds, wake_on_command,
           created_at, changed_at, due_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, ${NOW}, ${NOW}, ${NOW})`,
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

  async environment(id: string): Promise<Readonly<Record<string, string>>> {
    const [row] = await this.database.query<Pick<ProjectSpec, 'env'>>('SELECT env FROM projects WHERE id = $1', [id]);
    return row?.env ?? {};
  }

  async list(
    { status, labels }: ProjectFilter,
    visible: readonly string[] | null,
    limit: number,
    after: PlaceInList | null,
  ): Promise<SomeProjects> {
    const rows = await this.database.query<ProjectRow & { readonly hasMore: boolean; readonly before: string }>(
      withinPage(
        `SELECT ${COLUMNS} FROM projects
         WHERE ($1::timestamptz IS NULL OR (created_at, id) < ($1, $2)) AND ($3::text IS NULL OR status = $3)
           AND labels @> $4::jsonb AND ($5::text[] IS NULL OR id LIKE ANY ($5))
         ORDER BY created_at DESC, id DESC LIMIT $6`,
        ['name', 'reason', '"gitUrl"', 'labels', 'settings'],
        '"createdAt" DESC, id DESC',
      ),
      [
        after?.createdAt ?? null,
        after?.id ?? null,
        status ?? null,
        JSON.stringify(labels),
        likePatterns(visible),
        limit,
      ],
    );
    const data = rows.map(({ hasMore: _hasMore, before: _before, ...row }) => toProject(row));
    return { data, hasMore: rows[0]?.hasMore ?? false };
  }

  async unknown(ids: readonly string[]): Promise<readonly string[]> {
    return this.ids('SELECT id FROM unnest($1::text[]) AS id WHERE id NOT IN (SELECT id FROM projects)', [ids]);
  }

  running(after: string): Promise<readonly string[]> {
    return this.ids(`SELECT id FROM projects WHERE status = 'running' AND ${NEXT}`, [after]);
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
         revision = revision + 1, changed_at = ${THIS_MOMENT}, due_at = ${NOW}
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

  async noteVolume({ id, volume }: Pick<ManagedProject, 'id' | 'volume'>, seen: string): Promise<boolean> {
    const rows = await this.database.query(
      `UPDATE projects SET volume = $3, volume_lost = volume_lost OR volume IS NOT NULL
       WHERE id = $1 AND volume IS NOT DISTINCT FROM $2 AND volume IS DISTINCT FROM $3 RETURNING id`,
      [id, volume, seen],
    );
    return rows.length === 1 && volume !== null;
  }

  async delete(id: string): Promise<boolean> {
    return this.database.run(async () => {
      const rows = await this.database.query('DELETE FROM projects WHERE id = $1 RETURNING id', [id]);
      // A separate statement: it sees activity recorded while the first one waited.
      await this.database.query('DELETE FROM project_activity WHERE project_id = $1', [id]);
      return rows.length === 1;
    });
  }

  async claim(owner: string, leaseSeconds: number, max: number, id?: string): Promise<readonly ManagedProject[]> {
    const due = `lease_expires_at <= now() OR (lease_expires_at IS NULL AND ($4::text IS NOT NULL OR due_at <= now()))`;
    const rows = await this.database.query<ProjectRow>(
      `UPDATE projects SET lease_owner = $1, lease_expires_at = ${NOW} + make_interval(secs => $2), due_at = 'infinity'
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
      `UPDATE projects SET lease_expires_at = ${NOW} + make_interval(secs => $3)
       WHERE id = $1 AND lease_owner = $2 AND lease_expires_at > now() RETURNING id`,
      [id, owner, leaseSeconds],
    );
    return rows.length === 1;
  }

  async release(id: string, owner: string, dueInSeconds: number): Promise<void> {
    await this.database.query(
      `UPDATE projects SET lease_owner = NULL, lease_expires_at = NULL,
         due_at = least(due_at, ${NOW} + make_interval(secs => $3)) WHERE id = $1 AND lease_owner = $2`,
      [id, owner, dueInSeconds],
    );
  }

  leaseHolders(): Promise<LeaseHolder[]> {
    return this.database.query<LeaseHolder>(
      `SELECT lease_owner AS owner, count(*)::int AS count, min(lease_expires_at) AS "expiresAt" FROM projects
       WHERE lease_owner IS NOT NULL GROUP BY lease_owner ORDER BY owner LIMIT 100`,
    );
  }

  async makeDue(id: string): Promise<void> {
    await this.database.query(`UPDATE projects SET due_at = ${NOW} WHERE id = $1 AND due_at > now()`, [id]);
  }

  expired(after: string): Promise<readonly string[]> {
    return this.ids(
      `SELECT id FROM projects
       WHERE status <> 'terminating' AND created_at + make_interval(secs => ttl_seconds) <= now() AND ${NEXT}`,
      [after],
    );
  }

  idle(after: string): Promise<readonly string[]> {
    return this.ids(
      `SELECT id FROM projects LEFT JOIN project_activity ON project_id = id
       WHERE status = 'running' AND desired = 'running'
         AND greatest(changed_at, active_at) + make_interval(secs => idle_stop_seconds) <= now() AND ${NEXT}`,
      [after],
    );
  }

  async touch(uses: ReadonlyMap<string, Date>, seen: readonly string[]): Promise<void> {
    // In a fixed order, to avoid deadlocks between replicas. Waits for a concurrent deletion of the project.
    await this.database.query(
      `WITH kept AS (SELECT id, created_at FROM projects WHERE id = ANY($1) ORDER BY id FOR KEY SHARE)
       INSERT INTO project_activity AS activity (project_id, last_command_at, active_at)
       SELECT id, at, ${NOW} FROM unnest($1::text[], $2::timestamptz[]) AS used (id, at)
       WHERE coalesce((SELECT created_at <= at FROM kept WHERE kept.id = used.id), id = ANY($3)) ORDER BY id
       ON CONFLICT (project_id) DO UPDATE SET active_at = excluded.active_at,
         last_command_at = greatest(activity.last_command_at, excluded.last_command_at)`,
      [[...uses.keys()], [...uses.values()], seen],
    );
  }

  async lastCommandAt(ids: readonly string[]): Promise<ReadonlyMap<string, Date>> {
    const rows = await this.database.query<{ id: string; at: Date }>(
      'SELECT project_id AS id, last_command_at AS at FROM project_activity WHERE project_id = ANY($1)',
      [ids],
    );
    return new Map(rows.map(({ id, at }) => [id, at]));
  }

  private async ids(sql: string, parameters: readonly unknown[]): Promise<readonly string[]> {
    return (await this.database.query<{ id: string }>(sql, parameters)).map(({ id }) => id);
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
