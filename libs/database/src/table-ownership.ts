import { Injectable, Logger, type OnApplicationBootstrap } from '@nestjs/common';
import { Database } from './database.js';

const OWNS = `SELECT pg_has_role(relowner, 'MEMBER') AS owns FROM pg_class WHERE oid = to_regclass('events')`;

/** Warns if the API owns its tables, or can act as their owner. */
@Injectable()
export class TableOwnership implements OnApplicationBootstrap {
  private readonly logger = new Logger(TableOwnership.name);

  constructor(private readonly database: Database) {}

  async onApplicationBootstrap(): Promise<void> {
    const [table] = await this.database.query<{ owns: boolean }>(OWNS).catch(() => []);
    if (table?.owns === true)
      this.logger.warn(
        'The role of DATABASE_URL owns the tables, so the API could remove the protection of the audit log. Set DATABASE_OWNER_URL to let another role own them.',
      );
  }
}
