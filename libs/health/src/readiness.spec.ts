import { Logger, Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { TerminusModule } from '@nestjs/terminus';
import { type ReadinessCheck, Readiness, ReadinessChecks } from './readiness.js';

describe('Readiness', () => {
  const fails = new Set<string>();
  const part = (name: string, isVital: boolean): ReadinessCheck => ({
    name,
    isVital,
    check: () => (fails.has(name) ? Promise.reject(new Error(`no ${name}`)) : Promise.resolve()),
  });
  const checks = [part('database', true), part('cluster', false)];

  @Module({
    imports: [TerminusModule.forRoot({ logger: false })],
    providers: [Readiness, { provide: ReadinessChecks, useValue: checks }],
  })
  class Parts {}

  beforeAll(() => Logger.overrideLogger(false));

  it.each([
    [[], 'ok'],
    [['cluster'], 'degraded'],
    [['database'], 'error'],
    [['cluster', 'database'], 'error'],
  ] as const)('with %j down is %s', async (down, status) => {
    const context = await NestFactory.createApplicationContext(Parts, { logger: false });
    fails.clear();
    for (const name of down) fails.add(name);
    const report = await context.get(Readiness).check();
    expect(report.status).toBe(status);
    for (const { name } of checks) {
      const isDown = fails.has(name);
      expect(report.details[name]).toEqual(isDown ? { status: 'down', reason: `no ${name}` } : { status: 'up' });
    }
    await context.close();
  });
});
