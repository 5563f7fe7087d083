import { currentRequest, runInRequest } from '@app/kernel';
import { Logger } from '@nestjs/common';
import { globalErrorHandler } from '@opentelemetry/core';
import { start } from './start.js';

describe('a failed export', () => {
  afterAll(() => Logger.overrideLogger(false));

  it('is logged outside the request that happened to set its timer', () => {
    const requests: unknown[] = [];
    const note = (): void => void requests.push(currentRequest());
    Logger.overrideLogger({ log: note, warn: note, error: note });
    start(
      { serviceName: 'rdev', traces: null, metrics: null },
      { version: '1', readMetrics: () => Promise.resolve([]) },
    );
    const actor = { keyId: null, ip: null, userAgent: null, requestId: 'req_1', traceId: null };
    runInRequest({ requestId: 'req_1', actor }, () => {
      globalErrorHandler(new Error('It is unavailable.'));
    });
    expect(requests).toEqual([null]);
  });
});
