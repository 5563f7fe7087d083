import type { Program, StartRequest } from '@app/supervisor';
import type { Command, Work } from '../domain/command.js';

/** Keeps programs from waiting for somebody at a terminal. */
const UNATTENDED = {
  CI: '1',
  TERM: 'dumb',
  PAGER: 'cat',
  GIT_PAGER: 'cat',
  MANPAGER: 'cat',
  SYSTEMD_PAGER: 'cat',
  GIT_TERMINAL_PROMPT: '0',
};

/**
 * For commands of the type git, before the settings of the repository: transports are those that git brings itself, so that
 * no URL, wherever it comes from, runs a `git-remote-x`. Needs git 2.31; an older one ignores it.
 */
const GIT_TRANSPORTS = settings({
  'protocol.allow': 'never',
  'protocol.https.allow': 'always',
  'protocol.http.allow': 'always',
  'protocol.ssh.allow': 'always',
  'protocol.git.allow': 'always',
  // Git's own default: what the user names, but not what a submodule names.
  'protocol.file.allow': 'user',
});

function settings(values: Readonly<Record<string, string>>): Record<string, string> {
  const pairs = Object.entries(values).flatMap(([key, value], index) => [
    [`GIT_CONFIG_KEY_${String(index)}`, key],
    [`GIT_CONFIG_VALUE_${String(index)}`, value],
  ]);
  return Object.fromEntries([...pairs, ['GIT_CONFIG_COUNT', String(Object.keys(values).length)]]) as Record<
    string,
    string
  >;
}

const TIMEOUT_GRACE_SECONDS = 10;

/** What the supervisor is told. Later entries of the environment win: ours, the project's, the request's, and again ours. */
export function startRequest(
  command: Command,
  projectEnvironment: Readonly<Record<string, string>>,
  defaultDirectory: string,
): StartRequest {
  const { id, projectId, spec, traceparent } = command;
  return {
    commandId: id,
    program: programOf(spec.work),
    cwd: spec.cwd,
    fallbackCwd: defaultDirectory,
    env: {
      ...UNATTENDED,
      ...(spec.work.type === 'git' && GIT_TRANSPORTS),
      ...projectEnvironment,
      ...(traceparent !== null && { TRACEPARENT: traceparent }),
      ...spec.env,
      RDEV_PROJECT_ID: projectId,
    },
    stdin: spec.stdin,
    timeoutSeconds: spec.timeoutSeconds,
    noOutputTimeoutSeconds: spec.noOutputTimeoutSeconds,
    graceSeconds: TIMEOUT_GRACE_SECONDS,
    outputLimitBytes: spec.outputBytesMax,
    keepBackground: spec.keepBackground,
  };
}

function programOf(work: Work): Program {
  switch (work.type) {
    case 'shell':
      return { script: work.script };
    case 'exec':
      return { argv: work.argv };
    case 'git':
      return { argv: ['git', ...work.args] };
  }
}
