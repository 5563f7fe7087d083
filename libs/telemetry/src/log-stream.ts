import type { DestinationStream } from 'pino';

/** How long a line waits for others. */
const BATCH_MS = 10;

/** Where lines are written to. */
type Output = Pick<NodeJS.WriteStream, 'isTTY' | 'write' | 'hasColors'>;

const REQUEST = '{if req.method}: {req.method} {req.path} {res.statusCode} in {responseTime} ms{end}';

/** A person at a terminal gets text; anything else gets JSON, which is undefined here. */
export async function terminalStream(output: Output): Promise<DestinationStream | undefined> {
  if (!output.isTTY) return undefined;
  const { prettyFactory } = await import('pino-pretty');
  const toText = prettyFactory({
    // Not if NO_COLOR is set.
    colorize: output.hasColors(),
    translateTime: 'SYS:HH:MM:ss.l',
    messageFormat: `{if context}{context}: {end}{msg}${REQUEST}`,
    ignore: 'context,req,res,responseTime',
    singleLine: true,
  });
  return {
    write(line: string) {
      output.write(toText(line));
    },
  };
}

/**
 * Writes lines together: handing one over costs more than making it. Those of the last moment are written at an exit,
 * also of a process that fails; a process that is killed loses them.
 */
export function batching(destination: DestinationStream & { flushSync(): void }): DestinationStream {
  let lines = '';
  const flush = (): void => {
    destination.write(lines);
    lines = '';
  };
  process.once('exit', () => {
    flush();
    destination.flushSync();
  });
  return {
    write(line: string) {
      if (lines === '') setTimeout(flush, BATCH_MS).unref();
      lines += line;
    },
  };
}
