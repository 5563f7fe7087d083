import { spawnSync } from 'node:child_process';
import { pino } from 'pino';
import { batching, terminalStream } from './log-stream.js';
import { serializeError } from './serialize-error.js';

describe('the stream of the log', () => {
  const written: string[] = [];
  const output = (isTTY: boolean, isColoured = false) => ({
    isTTY,
    hasColors: () => isColoured,
    write: (text: string) => written.push(text) > 0,
  });
  beforeEach(() => {
    written.length = 0;
  });

  it('is none of ours where nobody reads it at a terminal', async () => {
    expect(await terminalStream(output(false))).toBeUndefined();
  });

  it('writes text for a person at a terminal, with the stack of an error', async () => {
    const stream = await terminalStream(output(true));
    const formatters = { level: (level: string) => ({ level }) };
    const logger = pino({ base: null, formatters, serializers: { err: serializeError } }, stream);
    logger.info({ context: 'Dispatcher', projectId: 'web' }, 'It began');
    logger.error({ err: new Error('It broke.') }, 'It ended');
    expect(written[0]).toMatch(/^\[\d\d:\d\d:\d\d\.\d{3}\] INFO: Dispatcher: It began \{"projectId":"web"\}\n$/);
    expect(written[1]).toMatch(/ERROR: It ended[^]*It broke\.[^]*log-stream\.spec/);
  });

  it('has colours if they are wanted', async () => {
    const stream = await terminalStream(output(true, true));
    pino({ base: null }, stream).info('It began');
    expect(written[0]).toContain('\u001b[');
  });
});

describe('lines that are written together', () => {
  afterEach(() => {
    jest.useRealTimers();
  });

  it('are written soon, in their order', () => {
    jest.useFakeTimers();
    const written: string[] = [];
    const stream = batching({ write: (text) => written.push(text), flushSync: () => undefined });
    for (let round = 0; round < 2; round++) {
      stream.write('1\n');
      stream.write('2\n');
      expect(written).toHaveLength(round);
      jest.advanceTimersByTime(10);
      expect(written).toHaveLength(round + 1);
    }
    expect(written).toEqual(['1\n2\n', '1\n2\n']);
    expect(jest.getTimerCount()).toBe(0);
  });

  it.each(['process.exit(3)', "setImmediate(() => { throw new Error('It failed.') })"])(
    'are all written before the end by %s',
    (end) => {
      const source = `const { destination } = require('pino');
        const stream = (${batching.toString()})(destination());
        for (const line of ['1', '2']) stream.write(line + '\\n');
        ${end};`;
      const { stdout, status } = spawnSync(process.execPath, ['-e', `const BATCH_MS = 10; ${source}`]);
      expect(stdout.toString()).toBe('1\n2\n');
      expect(status).not.toBe(0);
    },
  );
});
