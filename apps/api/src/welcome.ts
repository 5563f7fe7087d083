import { readFile } from 'node:fs/promises';
import { relative } from 'node:path';
import type { Config } from '@app/config';

/** Tells a newcomer where things are, and one line that runs a first command and follows it. */
export async function printWelcome(url: string, config: Config, keyFile: string | null): Promise<void> {
  const lines = [
    '',
    `  rdev is ready at ${url}`,
    '',
    `  Swagger UI   ${url}/docs`,
    `  Health       ${url}/ready`,
    ...(keyFile === null ? [] : [`  Admin key    ${shortest(keyFile)}`]),
    // Only a person at a terminal gets to see the key: logs are kept and passed on.
    ...(keyFile !== null && process.stdout.isTTY ? [`               ${(await readFile(keyFile, 'utf8')).trim()}`] : []),
    `  Runtime      ${config.runtime}${config.runtime === 'local' ? ': commands run as you, on this machine, isolated from nothing' : ''}`,
    '',
    ...(config.runtime === 'local' ? firstCommand(url, keyFile) : []),
  ];
  process.stdout.write(`${lines.join('\n')}\n`);
}

function firstCommand(url: string, keyFile: string | null): string[] {
  const key = keyFile === null ? '$RDEV_ADMIN_KEY' : `$(cat ${shortest(keyFile)})`;
  const json = `-H 'content-type: application/json'`;
  const script = 'for i in 1 2 3; do echo hello $i; sleep 1; done';
  return [
    '  Run a first command and follow it:',
    '',
    `    A="Authorization: Bearer ${key}"; U=${url}/v1; curl -s -o /dev/null -H "$A" ${json} -d '{"id":"hello"}' $U/projects; ` +
      `curl -sN -H "$A" $U/commands/$(curl -s -H "$A" ${json} -d '{"type":"shell","script":"${script}"}' ` +
      `$U/projects/hello/commands | sed 's/.*"id":"\\(cmd_[a-z0-9]*\\)".*/\\1/')/events`,
    '',
  ];
}

function shortest(path: string): string {
  const short = relative(process.cwd(), path);
  return short.startsWith('..') ? path : short;
}
