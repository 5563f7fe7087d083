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
