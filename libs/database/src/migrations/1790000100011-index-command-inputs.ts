import type { MigrationInterface, QueryRunner } from 'typeorm';
import { indexPartitions } from './index-partitions.js';

/** Finds ended commands that still have their input. */
export class IndexCommandInputs1790000100011 implements MigrationInterface {
  readonly transaction = false;

  async up(runner: QueryRunner): Promise<void> {
    await indexPartitions(runner, 'commands', [
      { name: 'commands_input', on: '(ended_at) WHERE has_input AND ended_at IS NOT NULL' },
    ]);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('DROP INDEX commands_input');
  }
}
