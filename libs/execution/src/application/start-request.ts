import type { StartRequest } from '@app/supervisor';
import { programOf, type CommandSpec, type CommandSummary, type Startup } from '@app/commands';
import {
  type CommandPolicy,
  directoryBelow,
  GIT_EDITORS,
  gitSettings,
  guardedGit,
  refusedArgv,
  GitRefused,
} from '@app/policy';
import { contextOfObject } from '@app/tracing';
import type { CommandExecutor } from './command-executor.js';

/** Keeps programs from waiting for input at a terminal. */
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

/**
 * Builds the supervisor's request. Later entries of the environment win: defaults, the project's, the request's, and
 * then fixed ones.
 */
export function startRequest(
  { id, projectId, keyId, traceparent }: CommandSummary,
  { spec, environment }: Startup,
  defaultDirectory: string,
  policy: CommandPolicy,
  { isIsolated }: Pick<CommandExecutor, 'isIsolated'>,
): StartRequest {
  const trace = contextOfObject(traceparent, id);
  const guardsGit = policy.guardsGit({ projectId, keyId, spec });
  const { readsPaths, ...place } = guardsGit ? guarded(spec, defaultDirectory) : unguarded(spec);
  return {
    commandId: id,
    ...place,
    fallbackCwd: defaultDirectory,
    env: {
      ...UNATTENDED,
      ...(guardsGit && GIT_EDITORS),
      ...environment,
      ...(guardsGit && gitSettings(environment, { readsPaths, trustsOwners: isIsolated })),
      ...(trace !== null && { TRACEPARENT: trace }),
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

type Place = Pick<StartRequest, 'program' | 'cwd'> & { readonly readsPaths: boolean };

function unguarded({ work, cwd }: CommandSpec): Place {
  return { program: programOf(work), cwd, readsPaths: false };
}

function guarded(spec: CommandSpec, directory: string): Place {
  const known = programOf(spec.work);
  const [program = 'git', ...args] = 'argv' in known ? known.argv : [];
  try {
    const below = directoryBelow(spec.cwd, directory);
    const { argv, readsPaths } = guardedGit({ program, args, directory, below });
    return { program: { argv }, cwd: spec.cwd === null ? null : `${directory}${below}`, readsPaths };
  } catch (error) {
    // It was accepted by another release, or under another policy.
    if (error instanceof GitRefused)
      return { program: { argv: refusedArgv(error.message) }, cwd: null, readsPaths: false };
    throw error;
  }
}
