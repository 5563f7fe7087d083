import type { DestinationStream } from 'pino';

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
