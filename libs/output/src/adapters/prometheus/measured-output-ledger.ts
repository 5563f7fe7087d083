import { LeaseLost, type Position } from '@app/commands';
import { Database } from '@app/database';
import { Injectable } from '@nestjs/common';
import { InjectMetric, makeCounterProvider, makeHistogramProvider } from '@willsoto/nestjs-prometheus';
import type { Counter, Histogram } from 'prom-client';
import type { OutputRun } from '../../application/output-ledger.js';
import { PostgresOutputLedger } from '../postgres/postgres-output-ledger.js';

const [WRITE, BYTES] = ['rdev_output_write_seconds', 'rdev_output_bytes_total'] as const;

export const outputMetrics = [
  makeHistogramProvider({
    name: WRITE,
    help: 'Duration of writes of output to the database',
    labelNames: ['result'],
    buckets: [0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 5],
  }),
  makeCounterProvider({ name: BYTES, help: 'Bytes of output that this replica stored', labelNames: ['stream'] }),
];

/** Measures writes. */
@Injectable()
export class MeasuredOutputLedger extends PostgresOutputLedger {
  constructor(
    database: Database,
    @InjectMetric(WRITE) private readonly write: Histogram,
    @InjectMetric(BYTES) private readonly bytes: Counter,
  ) {
    super(database);
  }

  override async append(id: string, owner: string, from: Position, runs: readonly OutputRun[]): Promise<void> {
    const stop = this.write.startTimer();
    try {
      await super.append(id, owner, from, runs);
      stop({ result: 'stored' });
    } catch (error) {
      // Another replica follows the command: that is no failure.
      stop({ result: error instanceof LeaseLost ? 'refused' : 'failed' });
      throw error;
    }
    for (const run of runs) if (run.kind === 'data') this.bytes.inc({ stream: run.stream }, run.data.length);
  }
}
