import type { MigrationInterface, QueryRunner } from 'typeorm';
import { type PartitionedIndex, indexPartitions } from './index-partitions.js';

/**
 * A search returns the newest first, so the indexes continue with the time. Without that, the choice of the index would
 * depend on statistics, which indexes on expressions do not have at first.
 */
const INDEXES: readonly PartitionedIndex[] = [
  { name: 'events_at', on: '(at, seq)' },
  { name: 'events_type', on: '(type, at, seq)' },
  { name: 'events_outcome', on: '(outcome, at, seq)' },
  // Cut, as a longer one than an index takes would stop the log.
  { name: 'events_target', on: '(left(target, 200), at, seq)' },
  { name: 'events_project_at', on: '(project_id, at, seq)' },
  { name: 'events_key', on: `((actor->>'keyId'), at, seq) WHERE actor->>'keyId' IS NOT NULL` },
  { name: 'events_ip', on: `((actor->>'ip'), at, seq) WHERE actor->>'ip' IS NOT NULL` },
  { name: 'events_request', on: `((actor->>'requestId'), at, seq) WHERE actor->>'requestId' IS NOT NULL` },
  { name: 'events_trace', on: `((actor->>'traceId'), at, seq) WHERE actor->>'traceId' IS NOT NULL` },
];

/** For the search of the audit. */
export class IndexEvents1790000400010 implements MigrationInterface {
  readonly transaction = false;

  async up(runner: QueryRunner): Promise<void> {
    await indexPartitions(runner, 'events', INDEXES);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(`DROP INDEX ${INDEXES.map(({ name }) => name).join(', ')}`);
  }
}
