import { Database } from '@app/database';
import type { StreamName } from '@app/supervisor';
import { Injectable } from '@nestjs/common';
import { GAPS_MAX, type OutputGap, OutputLedger, type OutputRun } from '../../application/output-ledger.js';
import { advance, runLength } from '../../application/output-writer.js';
import { type Position, LeaseLost } from '@app/commands';

const STREAM_NUMBER: Record<StreamName, number> = { stdout: 1, stderr: 2 };
/** For small rows; larger ones, of at most 64 KiB each, are limited by the requested number of bytes. */
const ROWS_PER_READ = 128;
const COLUMNS = 'stream, stream_offset, position, length, data, reason';

interface OutputRow {
  readonly stream: number;
  readonly stream_offset: string;
  readonly position: string;
  readonly length: string;
  readonly data: Buffer | null;
  readonly reason: string | null;
}

@Injectable()
export class PostgresOutputLedger implements OutputLedger {
  constructor(private readonly database: Database) {}

  async append(commandId: string, owner: string, from: Position, runs: readonly OutputRun[]): Promise<void> {
    if (runs.length === 0) return;
    const to = advance(from, runs);
    const parameters: unknown[] = [commandId, owner, from.stdout, from.stderr, to.stdout, to.stderr];
    let position = from.stdout + from.stderr;
    const values = runs.map((run) => {
      const length = runLength(run);
      const first = parameters.push(STREAM_NUMBER[run.stream], run.offset, position, length);
      parameters.push(run.kind === 'data' ? run.data : null, run.kind === 'gap' ? run.reason : null);
      position += length;
      const [a, b, c, d, e, f] = [first - 3, first - 2, first - 1, first, first + 1, first + 2].map(String);
      return `($${a}::smallint, $${b}::bigint, $${c}::bigint, $${d}::bigint, $${e}::bytea, $${f}::text)`;
    });
    // One statement, so that the bytes commit together with the position that fences the next ones.
    const rows = await this.database.query(
      `WITH moved AS (
         UPDATE commands SET stdout_bytes = $5, stderr_bytes = $6, first_byte_at = coalesce(first_byte_at, clock_timestamp())
         WHERE id = $1 AND lease_owner = $2 AND stdout_bytes = $3 AND stderr_bytes = $4 AND status IN ('starting', 'running')
         RETURNING id
       )
       INSERT INTO command_output (command_id, stream, stream_offset, position, length, data, reason)
       SELECT moved.id, run.* FROM moved, (VALUES ${values.join(', ')}) AS run RETURNING stream`,
      parameters,
    );
    if (rows.length === 0 && !(await this.wasAppended(commandId, owner, to))) throw new LeaseLost(commandId);
  }

  async read(commandId: string, from: Position, maxBytes: number): Promise<readonly OutputRun[]> {
    const rows = await this.database.query<OutputRow>(
      some(
        `(SELECT ${COLUMNS} FROM command_output
          WHERE command_id = $1 AND stream = 1 AND stream_offset >= ${firstRow('1', '$2')}
            AND stream_offset + length > $2 ORDER BY stream_offset LIMIT $4)
         UNION ALL
         (SELECT ${COLUMNS} FROM command_output
          WHERE command_id = $1 AND stream = 2 AND stream_offset >= ${firstRow('2', '$3')}
            AND stream_offset + length > $3 ORDER BY stream_offset LIMIT $4)`,
        '$4',
        '$5',
      ),
      [commandId, from.stdout, from.stderr, ROWS_PER_READ, maxBytes],
    );
    return rows.flatMap((row) => toRun(row, row.stream === 1 ? from.stdout : from.stderr));
  }

  async readStream(
    commandId: string,
    stream: StreamName,
    offset: number,
    maxBytes: number,
  ): Promise<readonly OutputRun[]> {
    const rows = await this.database.query<OutputRow>(
      some(
        `SELECT ${COLUMNS} FROM command_output
         WHERE command_id = $1 AND stream = $2 AND stream_offset >= ${firstRow('$2', '$3')}
           AND stream_offset + length > $3 ORDER BY stream_offset LIMIT $4`,
        '$4',
        '$5',
      ),
      [commandId, STREAM_NUMBER[stream], offset, ROWS_PER_READ, maxBytes],
    );
    return rows.flatMap((row) => toRun(row, offset));
  }

  async gaps(commandId: string, stream: StreamName, offset: number): Promise<readonly OutputGap[]> {
    const rows = await this.database.query<OutputRow>(
      `SELECT ${COLUMNS} FROM command_output
       WHERE command_id = $1 AND stream = $2 AND data IS NULL AND stream_offset >= ${firstRow('$2', '$3')}
         AND stream_offset + length > $3 ORDER BY stream_offset LIMIT ${String(GAPS_MAX)}`,
      [commandId, STREAM_NUMBER[stream], offset],
    );
    return rows.flatMap((row) => toRun(row, 0)).filter((run) => run.kind === 'gap');
  }

  /** Whether these bytes are already stored: an earlier attempt committed, but its response was lost. */
  private async wasAppended(commandId: string, owner: string, to: Position): Promise<boolean> {
    const rows = await this.database.query(
      'SELECT id FROM commands WHERE id = $1 AND lease_owner = $2 AND stdout_bytes = $3 AND stderr_bytes = $4',
      [commandId, owner, to.stdout, to.stderr],
    );
    return rows.length === 1;
  }
}

/** The offset of the row that contains the byte at an offset, or the offset itself if there is none yet. */
function firstRow(stream: string, offset: string): string {
  return `coalesce((SELECT stream_offset FROM command_output WHERE command_id = $1 AND stream = ${stream}
    AND stream_offset <= ${offset} ORDER BY stream_offset DESC LIMIT 1), 0)`;
}

/**
 * The first of these runs: at least one, and no more once they reach that many bytes. Their length is known without
 * reading them.
 */
function some(runs: string, rows: string, bytes: string): string {
  return `SELECT ${COLUMNS} FROM (
      SELECT *, sum(coalesce(octet_length(data), 0)) OVER (ORDER BY position) - coalesce(octet_length(data), 0) AS before
      FROM (${runs}) run
    ) run WHERE before < greatest(${bytes}::bigint, 1) ORDER BY position LIMIT ${rows}`;
}

/** The row as a run, without bytes before the offset; none if the offset is past its end. */
function toRun(row: OutputRow, from: number): OutputRun[] {
  const offset = Number(row.stream_offset);
  const skip = Math.max(0, from - offset);
  const length = Number(row.length) - skip;
  if (length <= 0) return [];
  const stream = row.stream === 1 ? 'stdout' : 'stderr';
  if (row.data === null)
    return [{ kind: 'gap', stream, offset: offset + skip, length, reason: row.reason ?? 'unknown' }];
  return [{ kind: 'data', stream, offset: offset + skip, data: row.data.subarray(skip) }];
}
