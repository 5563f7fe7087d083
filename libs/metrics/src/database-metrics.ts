import { ConnectionPool } from '@app/database';
import { Injectable, type OnModuleInit } from '@nestjs/common';
import { InjectMetric, makeGaugeProvider } from '@willsoto/nestjs-prometheus';
import type { Gauge } from 'prom-client';
import { BeforeScrape } from './before-scrape.js';

const [CONNECTIONS, WAITING] = ['rdev_database_connections', 'rdev_database_waiting'] as const;

export const databaseMetrics = [
  makeGaugeProvider({
    name: CONNECTIONS,
    help: 'Connections in the database pool of this replica: used or idle',
    labelNames: ['state'],
  }),
  makeGaugeProvider({ name: WAITING, help: 'Statements of this replica that wait for a connection of the pool' }),
];

@Injectable()
export class DatabaseMetrics implements OnModuleInit {
  constructor(
    @InjectMetric(CONNECTIONS) private readonly connections: Gauge,
    @InjectMetric(WAITING) private readonly waiting: Gauge,
    private readonly pool: ConnectionPool,
    private readonly beforeScrape: BeforeScrape,
  ) {}

  onModuleInit(): void {
    this.beforeScrape.add(() => {
      const { used, idle, waiting } = this.pool.state;
      this.connections.set({ state: 'used' }, used);
      this.connections.set({ state: 'idle' }, idle);
      this.waiting.set(waiting);
    });
  }
}
