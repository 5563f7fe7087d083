import { Injectable, Logger, type OnApplicationBootstrap } from '@nestjs/common';
import { Database } from './database.js';

const UNLIMITED = `
  SELECT name FROM pg_settings
  WHERE name IN ('statement_timeout', 'idle_in_transaction_session_timeout') AND setting = '0' ORDER BY name`;

/** Behind a pooler the limits of statements and transactions are those of the role: says so if it has none. */
@Injectable()
export class ServerLimits implements OnApplicationBootstrap {
  private readonly logger = new Logger(ServerLimits.name);

  constructor(private readonly database: Database) {}

  async onApplicationBootstrap(): Promise<void> {
    const rows = await this.database.query<{ name: string }>(UNLIMITED).catch(() => []);
    const unlimited = rows.map(({ name }) => name);
    if (unlimited.length > 0)
      this.logger.warn(
        `The role of DATABASE_URL has no ${unlimited.join(' and no ')}: behind a pooler, what hangs is not ended. ALTER ROLE … SET gives it one.`,
      );
  }
}
