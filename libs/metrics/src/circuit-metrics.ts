import { CIRCUIT_STATES, Circuits } from '@app/resilience';
import { Injectable, type OnModuleInit } from '@nestjs/common';
import { InjectMetric, makeGaugeProvider } from '@willsoto/nestjs-prometheus';
import type { Gauge } from 'prom-client';
import { BeforeScrape } from './before-scrape.js';

const STATE = 'rdev_circuit_state';

export const circuitMetrics = [
  makeGaugeProvider({
    name: STATE,
    help: 'State of a circuit breaker of this replica: 0 closed, 1 half open, 2 open',
    labelNames: ['circuit'],
  }),
];

@Injectable()
export class CircuitMetrics implements OnModuleInit {
  constructor(
    @InjectMetric(STATE) private readonly state: Gauge,
    private readonly circuits: Circuits,
    private readonly beforeScrape: BeforeScrape,
  ) {}

  onModuleInit(): void {
    this.beforeScrape.add(() => {
      for (const [circuit, { state }] of this.circuits.all())
        this.state.set({ circuit }, CIRCUIT_STATES.indexOf(state));
    });
  }
}
