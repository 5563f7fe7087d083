import { Injectable } from '@nestjs/common';
import type pg from 'pg';
import { DataSource } from 'typeorm';

export interface ConnectionPoolState {
  /** Connections that run a statement or a transaction. */
  readonly used: number;
  readonly idle: number;
  /** Requests that wait for a connection. */
  readonly waiting: number;
}

/** The pool that statements of this replica share. */
@Injectable()
export class ConnectionPool {
  constructor(private readonly dataSource: DataSource) {}

  get state(): ConnectionPoolState {
    const { master } = this.dataSource.driver as unknown as { readonly master: pg.Pool };
    const { totalCount, idleCount, waitingCount } = master;
    return { used: totalCount - idleCount, idle: idleCount, waiting: waitingCount };
  }
}
