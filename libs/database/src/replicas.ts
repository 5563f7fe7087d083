import { replicaName } from '@app/kernel';
import { Injectable } from '@nestjs/common';
import { Database } from './database.js';

const PREFIX = 'rdev-listen';
/** PostgreSQL cuts longer names. */
const NAME_LENGTH_MAX = 63;

/** A replica that is connected to the database. */
export interface ReplicaState {
  readonly name: string;
  readonly connectedAt: Date;
  /** When it last proved that it hears the others; null: it is connected as another role, whose activity is hidden. */
  readonly heartbeatAt: Date | null;
}

/** What the session is called in which a replica listens, and proves several times a second that it hears. */
export const listenerName = (): string => `${PREFIX} ${replicaName()}`.slice(0, NAME_LENGTH_MAX);

/** The replicas, by their sessions: no table has to be written to, and none outlives its replica. */
@Injectable()
export class Replicas {
  constructor(private readonly database: Database) {}

  list(): Promise<ReplicaState[]> {
    return this.database.query<ReplicaState>(
      `SELECT substr(application_name, $2) AS name, backend_start AS "connectedAt", query_start AS "heartbeatAt"
       FROM pg_stat_activity WHERE datname = current_database() AND application_name LIKE $1
       ORDER BY name, "connectedAt" LIMIT 100`,
      [`${PREFIX} %`, PREFIX.length + 2],
    );
  }
}
