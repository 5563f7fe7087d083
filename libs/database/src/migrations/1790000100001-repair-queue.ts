import type { MigrationInterface, QueryRunner } from 'typeorm';

/**
 * Repairs the inconsistencies from before KeepQueueInStep1790000100000. In a separate transaction: it reads all
 * commands and must not keep their table locked meanwhile.
 */
export class RepairQueue1790000100001 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    // The trigger on the status does the work.
    await runner.query(
      `UPDATE commands c SET status = status
       WHERE status = 'queued' AND NOT EXISTS (SELECT FROM queued_commands q WHERE q.command_id = c.id)`,
    );
    await runner.query(
      `DELETE FROM queued_commands q
       WHERE NOT EXISTS (SELECT FROM commands c WHERE c.id = q.command_id AND c.status = 'queued')`,
    );
  }

  async down(): Promise<void> {
    // Nothing to revert.
  }
}
