import { type StreamName, seededRandom } from '../support/index.js';
import { type Random, type Step, between, pick, someSteps } from './output-steps.js';

/** How a command has to end, known before it runs. */
export interface Expectation {
  readonly status: 'succeeded' | 'failed' | 'cancelled' | 'timed_out';
  readonly reason: 'exited' | 'signaled' | 'cancelled' | 'timed_out' | 'no_output';
  /** Undefined: whatever the kill made of it. */
  readonly exitCode?: number | null;
  readonly signal?: string | null;
  /** It was ended from outside: it may have written less than planned, unless it recorded that it was through. */
  readonly isKilled: boolean;
  /** The shortest time that it can have taken. */
  readonly atLeastMs: number;
}

/** One command of the load, and all that is to be known of it. */
export interface CommandPlan {
  readonly index: number;
  readonly project: string;
  /** When its client turns up, after the start of the load. */
  readonly atMs: number;
  readonly body: Readonly<Record<string, unknown>>;
  readonly expected: Expectation;
  readonly outputMax: number | null;
  /** When the client cancels it, after its creation. */
  readonly cancelAfterMs: number | null;
  readonly keepsBackground: boolean;
  planned(stream: StreamName): Buffer;
}

export interface LoadOptions {
  readonly seed: number;
  readonly commands: number;
  readonly lastsMs: number;
  readonly projects: readonly string[];
  /** Where a command notes that it was started, and that it wrote all; out of rdev's sight. */
  readonly recordFile: string;
}

type Traits = Pick<CommandPlan, 'expected'> &
  Partial<Pick<CommandPlan, 'outputMax' | 'cancelAfterMs' | 'keepsBackground'>> & {
    /** Before the output, and behind it. */
    readonly before?: string;
    readonly after: string;
    readonly request?: object;
  };

/** The same load for the same options. */
export function planLoad(options: LoadOptions): readonly CommandPlan[] {
  const random = seededRandom(options.seed);
  return Array.from({ length: options.commands }, (_, index) => planCommand(index, random, options));
}

function planCommand(index: number, random: Random, { projects, lastsMs, recordFile }: LoadOptions): CommandPlan {
  const steps = someSteps(random);
  const planned = (stream: StreamName) => Buffer.concat(steps.map(({ bytes }) => bytes[stream] ?? Buffer.alloc(0)));
  const { before = '', after, request, ...traits } = someTraits(random, planned);
  const note = (word: string) => `echo "${word} ${index} $RDEV_COMMAND_ID" >> ${recordFile}`;
  const script = [note('start'), before, ...steps.map((step: Step) => step.script), note('wrote'), after].join('\n');
  const work = random() < 0.8 ? { type: 'shell', script } : { type: 'exec', argv: ['sh', '-c', script] };
  return {
    index,
    project: pick(random, projects),
    atMs: Math.floor(random() * lastsMs),
    body: { ...work, ...request, labels: { plan: String(index) } },
    outputMax: null,
    cancelAfterMs: null,
    keepsBackground: false,
    ...traits,
    planned,
  };
}

function someTraits(random: Random, planned: (stream: StreamName) => Buffer): Traits {
  const kind = random();
  if (kind < 0.5) return exits(random);
  if (kind < 0.58) return dies(random);
  if (kind < 0.66) return limited(random, planned);
  if (kind < 0.74) return { ...exits(random), before: evasive(random) };
  if (kind < 0.77)
    return { ...exits(random), before: 'sleep 900 &', keepsBackground: true, request: { keepBackground: true } };
  if (kind < 0.84) return timesOut(random);
  if (kind < 0.87) return fallsSilent(random);
  return isCancelled(random);
}

function exits(random: Random): Traits {
  const exitCode = random() < 0.6 ? 0 : pick(random, [1, 2, 126, 127, 130, 137, 143, 255]);
  return { expected: exited(exitCode), after: `exit ${exitCode}` };
}

function exited(exitCode: number): Expectation {
  const status = exitCode === 0 ? 'succeeded' : 'failed';
  return { status, reason: 'exited', exitCode, signal: null, isKilled: false, atLeastMs: 0 };
}

function dies(random: Random): Traits {
  const name = pick(random, ['KILL', 'TERM', 'HUP', 'USR1', 'PIPE', 'ALRM']);
  const expected = { reason: 'signaled', exitCode: null, signal: `SIG${name}`, isKilled: false, atLeastMs: 0 } as const;
  return { expected: { status: 'failed', ...expected }, after: `kill -${name} $$; sleep 60` };
}

/** Less may be kept than it writes: the gap must be exact. */
function limited(random: Random, planned: (stream: StreamName) => Buffer): Traits {
  const most = Math.max(planned('stdout').length, planned('stderr').length);
  const outputMax = between(random, 1, Math.max(1, most));
  return { ...exits(random), outputMax, request: { maxOutputBytes: outputMax } };
}

/** Children that do not want to end. They are gone when the command has ended. */
function evasive(random: Random): string {
  return pick(random, [
    'sleep 900 &',
    'setsid sleep 900 &',
    'nohup sleep 900 >/dev/null 2>&1 &',
    'sh -c \'trap "" TERM HUP INT; sleep 900; sleep 900\' &',
    '( ( setsid sleep 900 & ) & )',
  ]);
}

const HANGS = 'while :; do sleep 900; done';

function killed(status: 'cancelled' | 'timed_out', reason: Expectation['reason'], atLeastMs: number): Expectation {
  return { status, reason, isKilled: true, atLeastMs };
}

function timesOut(random: Random): Traits {
  const timeoutSeconds = between(random, 2, 5);
  const expected = killed('timed_out', 'timed_out', timeoutSeconds * 1_000);
  return { expected, request: { timeoutSeconds }, before: stubborn(random), after: HANGS };
}

function fallsSilent(random: Random): Traits {
  const noOutputTimeoutSeconds = between(random, 3, 5);
  const expected = killed('timed_out', 'no_output', noOutputTimeoutSeconds * 1_000);
  return { expected, request: { noOutputTimeoutSeconds }, after: HANGS };
}

function isCancelled(random: Random): Traits {
  const cancelAfterMs = between(random, 0, 4_000);
  return { expected: killed('cancelled', 'cancelled', 0), cancelAfterMs, before: stubborn(random), after: HANGS };
}

const stubborn = (random: Random) =>
  `${random() < 0.5 ? "trap '' TERM\n" : ''}${random() < 0.5 ? evasive(random) : ''}`;
