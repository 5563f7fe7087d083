import { Injectable, Logger, type OnApplicationBootstrap } from '@nestjs/common';
import { Database } from './database.js';

const UNLIMITED = `
  SELECT name FROM pg_settings
  WHERE name IN ('statement_timeout', 'idle_in_transaction_session_timeout') AND setting = '0' ORDER BY name`;

/**
 * Behind a pooler the settings of sessions are those of the role: says so if it has no limits of statements and
 * transactions, or has `jit` on.
 */
@Injectable()
export class ServerLimits implements OnApplicationBootstrap {
  private readonly logger = new Logger(ServerLimits.name);

  constructor(private readonly database: Database) {}

  async onApplicationBootstrap(): Promise<void> {
    const [jit] = await this.database.query<{ on: boolean }>('SELECT pg_jit_available() AS "on"').catch(() => []);
    if (jit?.on === true)
      this.logger.warn(
        'The role of DATABASE_URL has jit on, which takes longer than it saves. ALTER ROLE … SET jit = off.',
      );
    const rows = await this.database.query<{ name: string }>(UNLIMITED).catch(() => []);
    const unlimited = rows.map(({ name }) => name);
    if (unlimited.length > 0)
      this.logger.warn(
        `The role of DATABASE_URL has no ${unlimited.join(' and no ')}: behind a pooler, what hangs is not ended. ALTER ROLE … SET gives it one.`,
      );
  }
}
