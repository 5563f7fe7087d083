import { Database } from '@app/database';
import { GENESIS } from '@app/kernel';
import { Injectable } from '@nestjs/common';
import { LogArchive, type LogBounds } from '../../application/log-archive.js';
import type { SealedRecord } from '../../domain/chain.js';
import type { Checkpoint } from '../../domain/checkpoint.js';
import { CHECKPOINT_COLUMNS } from './postgres-checkpoint.repository.js';

@Injectable()
export class PostgresLogArchive implements LogArchive {
  constructor(private readonly database: Database) {}

  async bounds(): Promise<LogBounds> {
    // One statement: all of it is of the same moment.
    const [head] = await this.database.query<Omit<LogBounds, 'start'> & { startSeq: number; startHash: Buffer | null }>(
      `SELECT start_seq::float8 AS "startSeq", start_hash AS "startHash", sealed_seq::float8 AS "lastSeq",
         EXISTS (SELECT FROM events WHERE seq = start_seq) AS "isStartKept",
         (SELECT coalesce(min(seq), 0)::float8 FROM audit_checkpoints) AS "firstCheckpoint",
         (SELECT coalesce(max(seq), 0)::float8 FROM audit_checkpoints) AS "lastCheckpoint",
         (SELECT count(*)::int FROM events WHERE seq > last_seq) AS beyond FROM event_log_head`,
    );
    const none = { isStartKept: false, lastSeq: 0, firstCheckpoint: 0, lastCheckpoint: 0, beyond: 0 };
    const { startSeq, startHash, ...rest } = head ?? { startSeq: 0, startHash: null, ...none };
    return { start: { seq: startSeq, hash: startHash ?? GENESIS }, ...rest };
  }

  records(after: number, upTo: number, limit: number): Promise<readonly SealedRecord[]> {
    return this.database.query<SealedRecord>(
      `SELECT seq::float8 AS seq, id, type, at, project_id AS "projectId", target, outcome, actor, data, details, hash
       FROM events WHERE seq > $1 AND seq <= $2 ORDER BY events.seq LIMIT $3`,
      [after, upTo, limit],
    );
  }

  checkpoints(after: number, upTo: number): Promise<readonly Checkpoint[]> {
    return this.database.query<Checkpoint>(
      `SELECT ${CHECKPOINT_COLUMNS} FROM audit_checkpoints WHERE audit_checkpoints.seq > $1 AND audit_checkpoints.seq <= $2
       ORDER BY audit_checkpoints.seq`,
      [after, upTo],
    );
  }
}
