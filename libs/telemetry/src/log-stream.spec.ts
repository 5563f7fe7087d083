import { pino } from 'pino';
import { terminalStream } from './log-stream.js';
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
