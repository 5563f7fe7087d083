import { readFile } from 'node:fs/promises';
import { relative } from 'node:path';
import type { Config } from '@app/config';
import type { ProjectRuntime } from '@app/projects';

const OUTAGE_MS = 5_000;

/** The outcome of a start. */
export interface Started {
  readonly url: string;
  /** Null: the operator set the key. */
  readonly keyFile: string | null;
  /** Address of the Kubernetes API; null: no cluster. */
  readonly cluster: string | null;
  /** Why projects cannot be used now; null: they can. */
  readonly outage: string | null;
}

/** Reason why projects cannot be used; null if they can. */
export async function outageOf(runtime: Pick<ProjectRuntime, 'check'>, timeoutMs = OUTAGE_MS): Promise<string | null> {
  const signal = AbortSignal.timeout(timeoutMs);
  const late = new Promise<string>((resolve) => {
    signal.addEventListener('abort', () => {
      resolve(`no answer within ${timeoutMs / 1_000} s`);
    });
  });
  const failed = runtime.check(signal).then(
    () => null,
    (error: unknown) => reasonOf(error),
  );
  return Promise.race([failed, late]);
}

/** Addresses are hidden from clients, so only the cause contains them. */
function reasonOf(error: unknown): string {
  const { message, cause } = error as Error;
  return cause instanceof Error ? cause.message : message;
}

/** Prints where things are, and a line that runs a first command and follows it. */
export async function printWelcome(started: Started, config: Config): Promise<void> {
  // The key is shown only on a terminal: logs are stored and shared.
  const key = started.keyFile !== null && process.stdout.isTTY ? await readFile(started.keyFile, 'utf8') : null;
  process.stdout.write(`${welcome(started, config, key?.trim() ?? null).join('\n')}\n`);
}

/** The lines; `key` is shown unless it is null. */
export function welcome(
  started: Started,
  { runtime, kubernetes }: Pick<Config, 'runtime' | 'kubernetes'>,
  key: string | null,
): string[] {
  const { url, keyFile, cluster, outage } = started;
  return [
    '',
    outage === null
      ? `  rdev is ready at ${url}`
      : `  rdev listens at ${url}, but cannot run commands yet: see Runtime`,
    '',
    `  Swagger UI   ${url}/docs`,
    `  Health       ${url}/ready`,
    ...(keyFile === null ? [] : [`  Admin key    ${shortest(keyFile)}`]),
    ...(key === null ? [] : [`               ${key}`]),
    ...(runtime === 'local'
      ? ['  Runtime      local: commands run as you, on this machine, without isolation']
      : [`  Runtime      kubernetes: namespace ${kubernetes.namespace} at ${cluster ?? 'an unknown address'}`]),
    ...(outage === null ? [] : withoutCluster(outage)),
    '',
    ...(runtime === 'local' ? firstCommand(url, keyFile) : []),
  ];
}

function withoutCluster(outage: string): string[] {
  return [
    `               It cannot be used: ${outage}`,
    '               Keys, stored commands and stored output work. Projects and new commands wait or fail.',
    '               rdev keeps trying. To use another cluster set KUBECONFIG, for none RDEV_RUNTIME=local; then restart.',
  ];
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
