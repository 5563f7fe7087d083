import { Injectable, Logger, type OnApplicationBootstrap } from '@nestjs/common';
import { Database } from './database.js';

const UNLIMITED = `
  SELECT name FROM pg_settings
  WHERE name IN ('statement_timeout', 'idle_in_transaction_session_timeout') AND setting = '0' ORDER BY name`;

/**
 * Behind a pooler, session settings come from the role: warns if it has no statement or transaction timeout, or has
 * `jit` on.
 */
@Injectable()
export class ServerLimits implements OnApplicationBootstrap {
  private readonly logger = new Logger(ServerLimits.name);

  constructor(private readonly database: Database) {}

  async onApplicationBootstrap(): Promise<void> {
    const [jit] = await this.database.query<{ on: boolean }>('SELECT pg_jit_available() AS "on"').catch(() => []);
    if (jit?.on === true)
      this.logger.warn(
        'The role of DATABASE_URL has jit on, which slows down the statements of rdev. Run ALTER ROLE … SET jit = off.',
      );
    const rows = await this.database.query<{ name: string }>(UNLIMITED).catch(() => []);
    const unlimited = rows.map(({ name }) => name);
    if (unlimited.length > 0)
      this.logger.warn(
        `The role of DATABASE_URL has no ${unlimited.join(' and no ')}, so stuck statements are never ended. Set it with ALTER ROLE … SET.`,
      );
  }
}
