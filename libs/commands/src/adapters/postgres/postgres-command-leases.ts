import type { LeaseHolder } from '@app/kernel';
import { Database, NOW } from '@app/database';
import { Injectable } from '@nestjs/common';
import { CommandLeases, type HeldLease } from '../../application/command-leases.js';
import type { EndedCommand, CommandSummary, Instance } from '../../domain/command.js';
import type { Ending } from '../../domain/result.js';
import {
  ENDED_COLUMNS,
  ENDING,
  type EndedRow,
  SUMMARY_COLUMNS,
  type SummaryRow,
  toEnded,
  toSummary,
} from './command.mapper.js';

const HELD = `status IN ('starting', 'running') AND lease_owner = $2`;

@Injectable()
export class PostgresCommandLeases implements CommandLeases {
  constructor(private readonly database: Database) {}

  async bind(id: string, owner: string, instance: Instance): Promise<Instance | null> {
    const [row] = await this.database.query<{ instance: Instance }>(
      `UPDATE commands SET instance = coalesce(instance, $3::json) WHERE id = $1 AND ${HELD} RETURNING instance`,
      [id, owner, JSON.stringify(instance)],
    );
    return row?.instance ?? null;
  }

  async markRunning(id: string, owner: string): Promise<boolean> {
    const rows = await this.database.query(
      `UPDATE commands SET status = 'running', started_at = clock_timestamp()
       WHERE id = $1 AND lease_owner = $2 AND status = 'starting' RETURNING id`,
      [id, owner],
    );
    return rows.length === 1;
  }

  async markReachable(id: string, owner: string, reachable: boolean): Promise<number> {
    const [row] = await this.database.query<{ seconds: number }>(
      `UPDATE commands SET unreachable_since = CASE WHEN $3 THEN NULL ELSE coalesce(unreachable_since, ${NOW}) END
       WHERE id = $1 AND ${HELD} RETURNING coalesce(extract(epoch FROM now() - unreachable_since), 0)::float8 AS seconds`,
      [id, owner, reachable],
    );
    return row?.seconds ?? 0;
  }

  async end(id: string, owner: string, { status, result }: Ending): Promise<EndedCommand | null> {
    const [row] = await this.database.query<EndedRow>(
      `UPDATE commands SET ${ENDING} WHERE id = $1 AND ${HELD} RETURNING ${ENDED_COLUMNS}`,
      [id, owner, status, JSON.stringify(result)],
    );
    return row === undefined ? null : toEnded(row);
  }

  async requestCancel(id: string, graceSeconds: number, why: string): Promise<CommandSummary | null> {
    const [row] = await this.database.query<SummaryRow>(
      `UPDATE commands SET cancel_requested_at = coalesce(cancel_requested_at, clock_timestamp()),
         cancel_grace_seconds = least(cancel_grace_seconds, $2), cancel_reason = coalesce(cancel_reason, $3)
       WHERE id = $1 AND status IN ('starting', 'running') AND (cancel_requested_at IS NULL OR cancel_grace_seconds > $2)
       RETURNING ${SUMMARY_COLUMNS}`,
      [id, graceSeconds, why],
    );
    return row === undefined ? null : toSummary(row);
  }

  async noteStdin(id: string, bytes: number): Promise<void> {
    await this.database.query('UPDATE commands SET stdin_bytes = greatest(stdin_bytes, $2) WHERE id = $1', [id, bytes]);
  }

  async renewLeases(ids: readonly string[], owner: string, leaseSeconds: number): Promise<readonly HeldLease[]> {
    return this.database.query<HeldLease>(
      `UPDATE commands SET lease_expires_at = ${NOW} + make_interval(secs => $3) WHERE id = ANY($1) AND ${HELD}
       RETURNING id, CASE WHEN cancel_requested_at IS NOT NULL THEN cancel_grace_seconds END AS "cancelGraceSeconds"`,
      [ids, owner, leaseSeconds],
    );
  }

  async releaseLeases(ids: readonly string[], owner: string): Promise<void> {
    await this.database.query(`UPDATE commands SET lease_expires_at = ${NOW} WHERE id = ANY($1) AND ${HELD}`, [
      ids,
      owner,
    ]);
  }

  async takeOver(owner: string, leaseSeconds: number, max: number): Promise<readonly string[]> {
    const rows = await this.database.query<{ id: string }>(
      `UPDATE commands SET lease_owner = $1, lease_expires_at = ${NOW} + make_interval(secs => $2)
       WHERE id IN (
         SELECT id FROM commands WHERE status IN ('starting', 'running') AND lease_expires_at <= now()
         ORDER BY lease_expires_at LIMIT $3 FOR UPDATE SKIP LOCKED
       ) RETURNING id`,
      [owner, leaseSeconds, max],
    );
    return rows.map(({ id }) => id);
  }

  holders(): Promise<LeaseHolder[]> {
    return this.database.query<LeaseHolder>(
      `SELECT lease_owner AS owner, count(*)::int AS count, min(lease_expires_at) AS "expiresAt" FROM commands
       WHERE status IN ('starting', 'running') AND lease_owner IS NOT NULL GROUP BY lease_owner ORDER BY owner LIMIT 100`,
    );
  }
}
