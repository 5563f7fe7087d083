import { Inject, Injectable, Logger, ServiceUnavailableException } from '@nestjs/common';
import {
  type HealthCheckResult,
  HealthCheckService,
  type HealthIndicatorFunction,
  HealthIndicatorService,
} from '@nestjs/terminus';

/** A part that rdev needs: resolves if it works, else rejects with an Error that says why. */
export interface ReadinessCheck {
  readonly name: string;
  /** Whether nothing works without it; else what does not need it goes on. */
  readonly isVital: boolean;
  readonly check: (signal: AbortSignal) => Promise<void>;
}

export type ReadinessChecks = readonly ReadinessCheck[];
export const ReadinessChecks = Symbol('ReadinessChecks');

export interface ReadinessReport {
  readonly status: 'ok' | 'degraded' | 'error';
  /** Each part, and why it is down. */
  readonly details: HealthCheckResult['details'];
}

/** Less than the patience of a probe. */
const TIMEOUT_MS = 3_000;

/** Asks each part whether it works. A part that does not answer in time does not. */
@Injectable()
export class Readiness {
  private readonly logger = new Logger(Readiness.name);
  private readonly down = new Set<string>();

  constructor(
    private readonly health: HealthCheckService,
    private readonly indicators: HealthIndicatorService,
    @Inject(ReadinessChecks) private readonly checks: ReadinessChecks,
  ) {}

  async check(): Promise<ReadinessReport> {
    const { details } = await this.ask();
    const down = this.checks.filter(({ name }) => details[name]?.status !== 'up');
    const status = down.some(({ isVital }) => isVital) ? 'error' : 'degraded';
    return { status: down.length === 0 ? 'ok' : status, details };
  }

  private async ask(): Promise<HealthCheckResult> {
    try {
      return await this.health.check(this.checks.map((part) => this.indicator(part)));
    } catch (error) {
      // Terminus throws what it found when a part is down.
      if (error instanceof ServiceUnavailableException) return error.getResponse() as HealthCheckResult;
      throw error;
    }
  }

  private indicator({ name, check }: ReadinessCheck): HealthIndicatorFunction {
    return async () => {
      const indicator = this.indicators.check(name);
      try {
        const signal = AbortSignal.timeout(TIMEOUT_MS);
        const late = new Promise<never>((_resolve, reject) => {
          signal.addEventListener('abort', () => {
            reject(new Error('It does not answer in time.'));
          });
        });
        await Promise.race([check(signal), late]);
        if (this.down.delete(name)) this.logger.log({ part: name }, 'A part works again');
        return indicator.up();
      } catch (error) {
        // Once, and not at each probe.
        if (!this.down.has(name)) this.logger.warn({ err: error, part: name }, 'A part does not work');
        this.down.add(name);
        return indicator.down({ reason: error instanceof Error ? error.message : 'unknown' });
      }
    };
  }
}
