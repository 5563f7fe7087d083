import { randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { timed } from '../../../test/support/spans.js';
import { Supervisor } from '../src/index.js';
import type { Standbys, Attachment, AttachmentEnd, ExitRecord, StartRequest, StreamPosition } from '../src/index.js';
import type { OpenChannel } from '@app/channel';

export interface Place {
  readonly open: OpenChannel;
  readonly spoolDir: string | null;
  /** Omitted: each start opens a channel. */
  readonly standbys?: Standbys;
}

export interface Outcome {
  readonly opened: 'started' | 'taken' | null;
  readonly stdout: Buffer;
  readonly stderr: Buffer;
  readonly end: AttachmentEnd;
}

/** Sets `$c` to the command's spool directory, which contains the script itself. */
export const FIND_SPOOL = 'c=$(readlink /proc/$$/fd/9); c=${c%/script}';

/** Makes a script stop its supervisor and everything that it runs. */
export const STOP_SUPERVISOR_AT_ONCE = 'kill -STOP -$PPID';
/** The same after its first output is stored. */
export const STOP_SUPERVISOR = `${FIND_SPOOL}; until [ -s "$c/out" ]; do :; done; ${STOP_SUPERVISOR_AT_ONCE}`;

const NOTE_MAIN = 'r_main_start= r_oldest=$r_sup_start\nlook $r_main && r_oldest=$r_start r_main_start=$r_start';
const NOTE_MAIN_LATE = 'sleep 0.5;look $r_main;r_oldest=$r_start;r_main_start=$r_start';

export const START: StreamPosition = { stdout: 0, stderr: 0 };
const DEADLINE_MS = 60_000;

/** A request with a unique id and defaults for tests. */
export function aRequest(over: Partial<StartRequest> = {}): StartRequest {
  return {
    commandId: `cmd_${randomUUID().replaceAll('-', '')}`,
    program: { script: 'true' },
    cwd: null,
    fallbackCwd: null,
    env: {},
    stdin: { kind: 'none' },
    timeoutSeconds: 60,
    noOutputTimeoutSeconds: null,
    graceSeconds: 1,
    outputLimitBytes: 1 << 26,
    keepBackground: false,
    ...over,
  };
}

/** Reads an attachment to its end and closes it. */
export async function drain(attachment: Attachment): Promise<Outcome> {
  const outcome = await read(attachment);
  attachment.close();
  return outcome;
}

/** Reads an attachment to its end; it can then be acknowledged. */
export async function read(attachment: Attachment): Promise<Outcome> {
  const parts = { stdout: [] as Buffer[], stderr: [] as Buffer[] };
  for await (const { stream, data } of attachment.chunks) parts[stream].push(data);
  const [opened, end] = await Promise.all([attachment.opened, attachment.end]);
  return { opened, stdout: Buffer.concat(parts.stdout), stderr: Buffer.concat(parts.stderr), end };
}

/** The test bench of a place: everything goes through its channels, so the place may be remote. */
export class Bench {
  readonly supervisor: Supervisor;
  private readonly started = new Set<string>();

  constructor(readonly place: Place) {
    this.supervisor = new Supervisor(place.open, place.spoolDir, { standby: place.standbys?.of('') });
  }

  /** Starts a command; the bench remembers it. */
  start(request: StartRequest): Attachment {
    this.started.add(request.commandId);
    const attachment = this.supervisor.run(request, START);
    void timed('supervisor', () => attachment.opened).catch(() => undefined);
    return attachment;
  }

  /** As {@link start}, with a supervisor that records the main process half a second after it has started. */
  startSlowly(request: StartRequest): Attachment {
    this.started.add(request.commandId);
    return altered(this.place, [[NOTE_MAIN, NOTE_MAIN_LATE.padEnd(NOTE_MAIN.length)]]).run(request, START);
  }

  async run(over: Partial<StartRequest> = {}): Promise<Outcome & { record: ExitRecord }> {
    const attachment = this.start(aRequest(over));
    const outcome = await read(attachment);
    if (outcome.end.kind !== 'ended') throw new Error(`Expected "ended": ${describeEnd(outcome.end)}`);
    await attachment.acknowledge();
    return { ...outcome, record: outcome.end.record };
  }

  /** Runs a script and returns its stdout. */
  async sh(script: string): Promise<string> {
    return (await this.run({ program: { script } })).stdout.toString();
  }

  /** Starts a command, waits until it has printed `ready`, and detaches from it. */
  async background(over: Partial<StartRequest>): Promise<string> {
    const request = aRequest(over);
    const attachment = this.start(request);
    let text = '';
    for await (const { data } of attachment.chunks) {
      text += data.toString();
      if (text.includes('ready')) break;
    }
    attachment.close();
    if (!text.includes('ready')) throw new Error(`Never ready: ${text} ${describeEnd(await attachment.end)}`);
    return request.commandId;
  }

  /** Attaches and reads to the end. */
  async follow(commandId: string, from = START): Promise<Outcome> {
    const attachment = this.supervisor.attach(commandId, from);
    return drain(attachment);
  }

  async record(commandId: string): Promise<ExitRecord> {
    const { end } = await this.follow(commandId);
    if (end.kind !== 'ended') throw new Error(`Expected "ended": ${describeEnd(end)}`);
    return end.record;
  }

  /** Processes with the command's id in their environment. Reads without forks: there may be hundreds. */
  async processes(commandId: string): Promise<string[]> {
    const out = await this.sh(`
      for f in /proc/[0-9]*/environ; do
        all=
        { while IFS= read -r line; do all="$all$line "; done; all=$all$line; } 2>/dev/null <"$f"
        case $all in *"RDEV_COMMAND_ID=${commandId}"*) ;; *) continue ;; esac
        p=\${f%/environ}
        grep -q '^State:.Z' "$p/status" 2>/dev/null || echo "$p $(tr '\\0' ' ' <"$p/cmdline" 2>/dev/null)"
      done`);
    return out.split('\n').filter((line) => line !== '');
  }

  /** Kills the processes that were left running on purpose. */
  async killProcesses(commandId: string): Promise<void> {
    const ids = (await this.processes(commandId)).map((line) => /\d+/.exec(line)?.[0] ?? '');
    await this.sh(`kill -9 ${ids.join(' ')}; true`);
  }

  /** Waits until the supervisor of the command has been stopped. */
  async stopped(commandId: string): Promise<void> {
    // The supervisor itself may be waiting for a child that was stopped before its exec (vfork).
    const look = `${FIND_SPOOL}; read -r pid rest <"\${c%/*/c}/${commandId}/c/sup"
      for p in $pid $(cat /proc/$pid/task/$pid/children); do
        read -r a b state rest <"/proc/$p/stat"; [ "$state" = T ] && echo T && exit
      done`;
    await eventually(async () => (await this.sh(look)) === 'T\n', 'the supervisor is stopped');
  }

  /** Number of processes that serve attachments to the command. */
  async attached(commandId: string): Promise<number> {
    // The brackets keep grep from matching itself.
    const pattern = commandId.replace(/^c/, '[c]');
    const out = await this.sh(
      `for f in $(grep -l '${pattern}' /proc/[0-9]*/cmdline 2>/dev/null); do grep -q '[s]upervise' $f 2>/dev/null || echo $f; done`,
    );
    return out.split('\n').length - 1;
  }

  /** Commands of this bench that still have a supervisor. */
  async supervised(): Promise<string[]> {
    const out = await this.sh("cat /proc/[0-9]*/cmdline 2>/dev/null | tr '\\0' '\\n' | grep -A1 -x supervise");
    const running = out.split('\n');
    return [...this.started].slice(0, -1).filter((commandId) => running.includes(commandId));
  }
}

/** A supervisor whose script has replacements of the same length. */
export function altered(
  { open, spoolDir, standbys }: Place,
  changes: readonly (readonly [string, string])[],
): Supervisor {
  const changed: OpenChannel = async (argv, signal) => {
    const channel = await open(argv, signal);
    const write = channel.stdin.write.bind(channel.stdin) as (chunk: Buffer) => boolean;
    let isScript = true; // the first chunk
    channel.stdin.write = ((chunk: Buffer) => {
      const text = chunk.toString('latin1');
      const missing = isScript ? changes.filter(([from]) => !text.includes(from)) : [];
      if (missing.length > 0) throw new Error(`The script has no such part: ${missing.join('; ')}`);
      isScript = false;
      return write(
        Buffer.from(
          changes.reduce((before, [from, to]) => before.replaceAll(from, to), text),
          'latin1',
        ),
      );
    }) as typeof channel.stdin.write;
    return channel;
  };
  return new Supervisor(changed, spoolDir, { standby: standbys?.of('') });
}

/** Waits for a condition, up to the deadline. */
export function eventually(condition: () => Promise<boolean>, what: string): Promise<void> {
  return timed('wait', () => poll(condition, what));
}

async function poll(condition: () => Promise<boolean>, what: string): Promise<void> {
  const deadline = Date.now() + DEADLINE_MS;
  while (!(await condition())) {
    if (Date.now() > deadline) throw new Error(`Not within ${String(DEADLINE_MS)} ms: ${what}`);
    await delay(20);
  }
}

function describeEnd(end: AttachmentEnd): string {
  return JSON.stringify(end.kind === 'dropped' ? { kind: end.kind, cause: end.cause.message } : end);
}
