import { Database, likePatterns, withinPage } from '@app/database';
import { type Page, type PageRequest, decodeIdCursor, idFloor, toPage } from '@app/kernel';
import { Injectable } from '@nestjs/common';
import { type CommandFilter, CommandRepository, UNENDED_MAX } from '../../application/command.repository.js';
import type { Command, CommandSummary } from '../../domain/command.js';
import {
  COMMAND_COLUMNS,
  READABLE_SPEC,
  SIZED_COLUMNS,
  SUMMARY_COLUMNS,
  type SpecRow,
  type SummaryRow,
  toCommand,
  toSummary,
} from './command.mapper.js';

/** Ids use a replica's clock, times the database's: ids only narrow a search by time. */
const CLOCKS_DIFFER_MS = 3_600_000;

/** The spec with only the names of its variables, and without stdin. */
const SPEC_WITHOUT_INPUT = `(
  SELECT json_object_agg(key, CASE key
    WHEN 'env' THEN (SELECT coalesce(json_object_agg(name, ''::text), '{}'::json) FROM json_object_keys(value) AS name)
    WHEN 'stdin' THEN CASE WHEN value->>'kind' = 'text' THEN '{"kind":"text","text":""}'::json ELSE value END
    ELSE value END)
  FROM json_each(${READABLE_SPEC}))`;

@Injectable()
export class PostgresCommandRepository implements CommandRepository {
  constructor(private readonly database: Database) {}

  async findById(id: string): Promise<Command | null> {
    const [row] = await this.database.query<SummaryRow & SpecRow>(
      `SELECT ${COMMAND_COLUMNS} FROM commands WHERE id = $1`,
      [id],
    );
    return row === undefined ? null : toCommand(row);
  }

  findSummary(id: string): Promise<CommandSummary | null> {
    return this.one(`SELECT ${SUMMARY_COLUMNS} FROM commands WHERE id = $1`, [id]);
  }

  async list(filter: CommandFilter, { limit, cursor }: PageRequest): Promise<Page<CommandSummary>> {
    const before = decodeIdCursor(cursor, 'cmd');
    const rows = await this.database.query<SummaryRow & { readonly hasMore: boolean }>(
      withinPage(
        `SELECT ${SUMMARY_COLUMNS} FROM commands
       WHERE ($1::text IS NULL OR id < $1) AND ($2::text IS NULL OR project_id = $2)
         AND ($3::text[] IS NULL OR status = ANY($3)) AND ($4::text IS NULL OR type = $4)
         AND ($5::text IS NULL OR key_id = $5) AND labels @> $6::jsonb
         AND ($7::text IS NULL OR id >= $7) AND ($10::timestamptz IS NULL OR created_at >= $10)
         AND ($11::text IS NULL OR id < $11) AND ($12::timestamptz IS NULL OR created_at < $12) AND ($8::text[] IS NULL OR project_id LIKE ANY($8))
       ORDER BY id DESC LIMIT $9`,
        SIZED_COLUMNS,
        'id DESC',
      ),
      [
        before,
        filter.projectId ?? null,
        filter.statuses ?? null,
        filter.type ?? null,
        filter.keyId ?? null,
        JSON.stringify(filter.labels),
        filter.since === undefined ? null : idFloor('cmd', new Date(filter.since.getTime() - CLOCKS_DIFFER_MS)),
        likePatterns(filter.visibleProjects),
        limit + 1,
        filter.since ?? null,
        filter.until === undefined ? null : idFloor('cmd', new Date(filter.until.getTime() + CLOCKS_DIFFER_MS)),
        filter.until ?? null,
      ],
    );
    return toPage(rows.map(toSummary), limit, ({ id }) => [id], rows[0]?.hasMore);
  }

  async dropInputs(olderThanSeconds: number, max: number): Promise<number> {
    const rows = await this.database.query(
      `UPDATE commands SET has_input = false, spec = ${SPEC_WITHOUT_INPUT}
       WHERE id IN (
         SELECT id FROM commands WHERE has_input AND ended_at IS NOT NULL AND ended_at <= now() - make_interval(secs => $1)
         ORDER BY ended_at LIMIT $2 FOR UPDATE SKIP LOCKED
       ) RETURNING id`,
      [olderThanSeconds, max],
    );
    return rows.length;
  }

  async unended(projectId: string, before: Date | null = null): Promise<readonly string[]> {
    const rows = await this.database.query<{ id: string }>(
      `SELECT id FROM commands WHERE project_id = $1 AND status IN ('queued', 'starting', 'running')
         AND ($2::timestamptz IS NULL OR created_at < $2)
       ORDER BY cancel_requested_at NULLS FIRST LIMIT $3`,
      [projectId, before, UNENDED_MAX],
    );
    return rows.map(({ id }) => id);
  }

  private async one(sql: string, parameters: readonly unknown[]): Promise<CommandSummary | null> {
    const [row] = await this.database.query<SummaryRow>(sql, parameters);
    return row === undefined ? null : toSummary(row);
  }
}
