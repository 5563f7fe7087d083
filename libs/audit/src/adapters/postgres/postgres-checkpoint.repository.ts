import { Database, LOCKS, PartitionStore } from '@app/database';
import { type Page, type PageRequest, decodeCursor, toPage } from '@app/kernel';
import { Injectable } from '@nestjs/common';
import { CheckpointRepository, type Sealed } from '../../application/checkpoint.repository.js';
import type { Checkpoint, PublicAuditKey } from '../../domain/checkpoint.js';

/** The columns of a checkpoint, under the names of {@link Checkpoint}. */
export const CHECKPOINT_COLUMNS = `seq::float8 AS seq, encode(hash, 'hex') AS hash, at, key_id AS "keyId", signature`;

@Injectable()
export class PostgresCheckpointRepository implements CheckpointRepository {
  constructor(
    private readonly database: Database,
    private readonly partitions: PartitionStore,
  ) {}

  async lock(): Promise<boolean> {
    const [row] = await this.database.query<{ got: boolean }>('SELECT pg_try_advisory_xact_lock($1) AS got', [
      LOCKS.checkpoints,
    ]);
    return row?.got === true;
  }

  async head(): Promise<Sealed | null> {
    const [head] = await this.database.query<Sealed>(
      `SELECT sealed_seq::float8 AS seq, encode(hash, 'hex') AS hash FROM event_log_head WHERE hash IS NOT NULL`,
    );
    return head ?? null;
  }

  async start(): Promise<Sealed | null> {
    const [start] = await this.database.query<Sealed>(
      `SELECT start_seq::float8 AS seq, encode(start_hash, 'hex') AS hash FROM event_log_head WHERE start_hash IS NOT NULL`,
    );
    return start ?? null;
  }

  async last(): Promise<Checkpoint | null> {
    const [last] = await this.database.query<Checkpoint>(
      `SELECT ${CHECKPOINT_COLUMNS} FROM audit_checkpoints ORDER BY audit_checkpoints.seq DESC LIMIT 1`,
    );
    return last ?? null;
  }

  async ends(before: Date): Promise<readonly Sealed[]> {
    const ends: Sealed[] = [];
    for (const { from, to } of await this.partitions.spans('events')) {
      if (to > before) continue;
      // The last record is the one with the highest position, which is not always the latest one.
      const [end] = await this.database.query<Sealed & { isDue: boolean }>(
        `SELECT e.seq::float8 AS seq, encode(e.hash, 'hex') AS hash,
           e.hash IS NOT NULL AND NOT EXISTS (SELECT FROM audit_checkpoints c WHERE c.seq = e.seq) AS "isDue"
         FROM (SELECT seq, hash FROM events WHERE at >= $1 AND at < $2 ORDER BY seq DESC LIMIT 1) AS e`,
        [from, to],
      );
      if (end?.isDue === true) ends.push({ seq: end.seq, hash: end.hash });
    }
    return ends;
  }

  async insert({ seq, hash, at, keyId, signature }: Checkpoint): Promise<void> {
    await this.database.query(
      `INSERT INTO audit_checkpoints (seq, hash, at, key_id, signature) VALUES ($1, decode($2, 'hex'), $3, $4, $5)`,
      [seq, hash, at, keyId, signature],
    );
  }

  async insertKey({ id, publicKey, createdAt, endorsedBy, endorsement }: PublicAuditKey): Promise<void> {
    await this.database.query(
      'INSERT INTO audit_keys (id, public_key, created_at, endorsed_by, endorsement) VALUES ($1, $2, $3, $4, $5)',
      [id, publicKey, createdAt, endorsedBy, endorsement],
    );
  }

  keys(): Promise<readonly PublicAuditKey[]> {
    return this.database.query<PublicAuditKey>(
      `SELECT id, public_key AS "publicKey", created_at AS "createdAt", endorsed_by AS "endorsedBy", endorsement
       FROM audit_keys ORDER BY created_at, id`,
    );
  }

  async list({ limit, cursor }: PageRequest): Promise<Page<Checkpoint>> {
    const [before] = cursor === undefined ? [null] : decodeCursor(cursor, 'number');
    const rows = await this.database.query<Checkpoint>(
      `SELECT ${CHECKPOINT_COLUMNS} FROM audit_checkpoints WHERE ($1::bigint IS NULL OR audit_checkpoints.seq < $1)
       ORDER BY audit_checkpoints.seq DESC LIMIT $2`,
      [before, limit + 1],
    );
    return toPage(rows, limit, ({ seq }) => [seq]);
  }
}
