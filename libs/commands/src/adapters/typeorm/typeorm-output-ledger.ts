import { Database } from '@app/database';
import type { StreamName } from '@app/supervisor';
import { Injectable } from '@nestjs/common';
import { type OutputGap, OutputLedger, type OutputRun, RUN_BYTES_MAX } from '../../application/output-ledger.js';
import { advance, runLength } from '../../application/output-writer.js';
import type { Position } from '../../domain/position.js';
import { LeaseLost } from '../../domain/command.errors.js';

const STREAM_NUMBER: Record<StreamName, number> = { stdout: 1, stderr: 2 };
/** Rows are at most 64 KiB, so this bounds what one read brings into memory. */
const ROWS_PER_READ = 8;

interface OutputRow {
  readonly stream: number;
  readonly stream_offset: string;
  readonly position: string;
  readonly length: string;
  readonly data: Buffer | null;
  readonly reason: string | null;
}

@Injectable()
export class TypeormOutputLedger extends OutputLedger {
  constructor(private readonly database: Database) {
    super();
  }

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
    // One statement, so that the bytes and the position that fences the next ones commit together.
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
      `SELECT * FROM (
         (SELECT stream, stream_offset, position, length, data, reason FROM command_output
          WHERE command_id = $1 AND stream = 1 AND stream_offset >= ${firstRow('1', '$2')}
            AND stream_offset + length > $2 ORDER BY stream_offset LIMIT $4)
         UNION ALL
         (SELECT stream, stream_offset, position, length, data, reason FROM command_output
          WHERE command_id = $1 AND stream = 2 AND stream_offset >= ${firstRow('2', '$3')}
            AND stream_offset + length > $3 ORDER BY stream_offset LIMIT $4)
       ) AS run ORDER BY position LIMIT $4`,
      [commandId, from.stdout, from.stderr, rowsFor(maxBytes)],
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
      `SELECT stream, stream_offset, position, length, data, reason FROM command_output
       WHERE command_id = $1 AND stream = $2 AND stream_offset >= ${firstRow('$2', '$3')}
         AND stream_offset + length > $3 ORDER BY stream_offset LIMIT $4`,
      [commandId, STREAM_NUMBER[stream], offset, rowsFor(maxBytes)],
    );
    return rows.flatMap((row) => toRun(row, offset));
  }

  async gaps(commandId: string, stream: StreamName): Promise<readonly OutputGap[]> {
    const rows = await this.database.query<OutputRow>(
      `SELECT stream, stream_offset, position, length, data, reason FROM command_output
       WHERE command_id = $1 AND stream = $2 AND data IS NULL ORDER BY stream_offset`,
      [commandId, STREAM_NUMBER[stream]],
    );
    return rows.flatMap((row) => toRun(row, 0)).filter((run) => run.kind === 'gap');
  }

  /** Whether these bytes are there already: the commit of an earlier try went through, but not its answer. */
  private async wasAppended(commandId: string, owner: string, to: Position): Promise<boolean> {
    const rows = await this.database.query(
      'SELECT id FROM commands WHERE id = $1 AND lease_owner = $2 AND stdout_bytes = $3 AND stderr_bytes = $4',
      [commandId, owner, to.stdout, to.stderr],
    );
    return rows.length === 1;
  }
}

/** The row that holds the byte at an offset, or the offset itself if none does yet. */
function firstRow(stream: string, offset: string): string {
  return `coalesce((SELECT stream_offset FROM command_output WHERE command_id = $1 AND stream = ${stream}
    AND stream_offset <= ${offset} ORDER BY stream_offset DESC LIMIT 1), 0)`;
}

function rowsFor(maxBytes: number): number {
  return Math.max(1, Math.min(ROWS_PER_READ, Math.ceil(maxBytes / RUN_BYTES_MAX)));
}

/** The row as a run, without what lies before the offset; nothing if all of it does. */
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
