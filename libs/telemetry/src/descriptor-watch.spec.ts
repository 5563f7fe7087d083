import { Logger } from '@nestjs/common';
import { DescriptorWatch } from './descriptor-watch.js';

describe('DescriptorWatch', () => {
  afterAll(() => Logger.overrideLogger(false));

  it('logs once that none are left, and once that some are available again', async () => {
    const said: unknown[] = [];
    const say = (what: unknown): void => void said.push(what);
    Logger.overrideLogger({ log: say, warn: say, error: say });
    const watch = new DescriptorWatch();
    const error = Object.assign(new Error('EMFILE: too many open files'), { code: 'EMFILE' });
    const fail = (): Promise<void> => Promise.reject(error);
    await watch.check();
    expect(said).toEqual([]);
    for (const tryOpen of [fail, fail]) await watch.check(tryOpen);
    expect(said).toEqual([{ err: error }]);
    await watch.check();
    await watch.check();
    expect(said).toEqual([{ err: error }, 'File descriptors are available again']);
  });
});
