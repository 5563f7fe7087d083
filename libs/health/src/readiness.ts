import { Inject, Injectable, Logger, ServiceUnavailableException } from '@nestjs/common';
import {
  type HealthCheckResult,
  HealthCheckService,
  type HealthIndicatorFunction,
  HealthIndicatorService,
} from '@nestjs/terminus';

/** Checks a part that rdev depends on. */
export interface ReadinessCheck {
  readonly name: string;
  /** Whether rdev is unusable without it. */
  readonly isVital: boolean;
  /** Resolves if the part works; rejects with the reason otherwise. */
  readonly check: (signal: AbortSignal) => Promise<void>;
}

export type ReadinessChecks = readonly ReadinessCheck[];
export const ReadinessChecks = Symbol('ReadinessChecks');

export interface ReadinessReport {
  readonly status: 'ok' | 'degraded' | 'error';
  /** The status of each part, and the reason if it is down. */
  readonly details: HealthCheckResult['details'];
}

/** Must be shorter than the timeout of a probe. */
const TIMEOUT_MS = 3_000;

/** Checks each part. A part that does not respond in time counts as down. */
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
    const { details } = await this.runChecks();
    const down = this.checks.filter(({ name }) => details[name]?.status !== 'up');
    const status = down.some(({ isVital }) => isVital) ? 'error' : 'degraded';
    return { status: down.length === 0 ? 'ok' : status, details };
  }

  private async runChecks(): Promise<HealthCheckResult> {
    try {
      return await this.health.check(this.checks.map((part) => this.indicator(part)));
    } catch (error) {
      // Terminus throws its result if a part is down.
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
            reject(new Error('It does not respond in time.'));
          });
        });
        await Promise.race([check(signal), late]);
        if (this.down.delete(name)) this.logger.log({ part: name }, 'A part has recovered');
        return indicator.up();
      } catch (error) {
        // Once, and not on every probe.
        if (!this.down.has(name)) this.logger.warn({ err: error, part: name }, 'A part is down');
        this.down.add(name);
        return indicator.down({ reason: error instanceof Error ? error.message : 'unknown' });
      }
    };
  }
}
