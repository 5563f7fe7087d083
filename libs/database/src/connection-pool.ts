import { Injectable } from '@nestjs/common';
import { DataSource } from 'typeorm';
import { poolOf } from './drained-data-source.js';

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
    const { totalCount, idleCount, waitingCount } = poolOf(this.dataSource);
    return { used: totalCount - idleCount, idle: idleCount, waiting: waitingCount };
  }
}
