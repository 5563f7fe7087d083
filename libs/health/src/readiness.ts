import { Inject, Injectable, ServiceUnavailableException } from '@nestjs/common';
import {
  type HealthCheckResult,
  HealthCheckService,
  type HealthIndicatorFunction,
  HealthIndicatorService,
} from '@nestjs/terminus';

/** A part that rdev needs: resolves if it works, else rejects with an Error that says why. */
export interface ReadinessCheck {
  readonly name: string;
  readonly check: (signal: AbortSignal) => Promise<void>;
}

export type ReadinessChecks = readonly ReadinessCheck[];
export const ReadinessChecks = Symbol('ReadinessChecks');

const TIMEOUT_MS = 3_000;

/** Asks each part whether it works. A part that does not answer in time does not. */
@Injectable()
export class Readiness {
  constructor(
    private readonly health: HealthCheckService,
    private readonly indicators: HealthIndicatorService,
    @Inject(ReadinessChecks) private readonly checks: ReadinessChecks,
  ) {}

  async check(): Promise<HealthCheckResult> {
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
        return indicator.up();
      } catch (error) {
        return indicator.down({ reason: error instanceof Error ? error.message : 'unknown' });
      }
    };
  }
}
