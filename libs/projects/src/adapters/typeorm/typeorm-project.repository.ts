import { Database, violatedUnique } from '@app/database';
import { Injectable } from '@nestjs/common';
import { ProjectRepository } from '../../application/project.repository.js';
import type { ManagedProject, ProjectSpec, ProjectStatus } from '../../domain/project.js';
import { ProjectExists } from '../../domain/project.errors.js';

const COLUMNS = `id, name, status, reason, git_url AS "gitUrl", git_ref AS "gitRef", env, labels, created_at AS "createdAt"`;

@Injectable()
export class TypeormProjectRepository extends ProjectRepository {
  constructor(private readonly database: Database) {
    super();
  }

  async insert(project: ProjectSpec, status: ProjectStatus): Promise<void> {
    const { id, name, gitUrl, gitRef, env, labels } = project;
    try {
      await this.database.query(
        'INSERT INTO projects (id, name, status, git_url, git_ref, env, labels) VALUES ($1, $2, $3, $4, $5, $6, $7)',
        [id, name, status, gitUrl, gitRef, JSON.stringify(env), JSON.stringify(labels)],
      );
    } catch (error) {
      if (violatedUnique(error) === null) throw error;
      throw new ProjectExists(id, { cause: error });
    }
  }

  async findById(id: string): Promise<ManagedProject | null> {
    const [project] = await this.database.query<ManagedProject>(`SELECT ${COLUMNS} FROM projects WHERE id = $1`, [id]);
    return project ?? null;
  }

  all(): Promise<ManagedProject[]> {
    return this.database.query<ManagedProject>(`SELECT ${COLUMNS} FROM projects`);
  }

  async setStatus(id: string, status: ProjectStatus, reason: string | null): Promise<boolean> {
    // A project that is being deleted stays so, whatever its provisioning says afterwards.
    const rows = await this.database.query(
      `UPDATE projects SET status = $2, reason = $3
       WHERE id = $1 AND status <> 'terminating' AND (status, coalesce(reason, '')) <> ($2, coalesce($3, '')) RETURNING id`,
      [id, status, reason],
    );
    return rows.length === 1;
  }

  async delete(id: string): Promise<boolean> {
    const rows = await this.database.query('DELETE FROM projects WHERE id = $1 RETURNING id', [id]);
    return rows.length === 1;
  }

  async touch(id: string): Promise<void> {
    await this.database.query(
      `INSERT INTO project_activity (project_id, last_command_at) VALUES ($1, now())
       ON CONFLICT (project_id) DO UPDATE SET last_command_at = now()`,
      [id],
    );
  }

  async lastCommandAt(ids: readonly string[]): Promise<ReadonlyMap<string, Date>> {
    const rows = await this.database.query<{ id: string; at: Date }>(
      'SELECT project_id AS id, last_command_at AS at FROM project_activity WHERE project_id = ANY($1)',
      [ids],
    );
    return new Map(rows.map(({ id, at }) => [id, at]));
  }
}
