import type { OpenChannel } from '@app/channel';
import { ChannelAttachment } from './channel-attachment.js';
import { Conversation, type Question, type Site } from './conversation.js';
import { checkCommandId, encodeRequest, millis, value } from './encode-request.js';
import type { HeartbeatPace } from './heartbeat.js';
import type { Standby } from './standby.js';
import { parseExitRecord, parseKillReport, whole } from './exit-record.js';
import type {
  Attachment,
  KillReport,
  SignalName,
  SignalOutcome,
  StartRequest,
  StdinOutcome,
  StdinPiece,
  StreamPosition,
} from './types.js';

const NOTHING = Buffer.alloc(0);
/** Requests take seconds, but a busy machine or a command that stopped its supervisor may delay the response. */
const RESPONSE_SECONDS = 120;
const TIMER_MS_MAX = 2 ** 32 - 1;
/** A launcher that waited answers in milliseconds, unless a command has stopped it. */
const STANDBY_MS = 10_000;

/** How channels are used. */
export interface SupervisorOptions {
  readonly pace?: HeartbeatPace;
  /**
   * Proves, once a channel is open, that it leads to where the commands are: nothing that acts is sent before. Rejects
   * if it does not, or if that is unknown. Omitted: the channels can lead nowhere else.
   */
  readonly confirm?: (signal?: AbortSignal) => Promise<void>;
  /** What is ready for the next command there. Omitted: each start opens a channel. */
  readonly standby?: Standby | undefined;
  /** How long what was ready may take to answer. */
  readonly standbyMs?: number;
}

/** Time for a cancellation beyond the grace period: what the remote side allows the supervisor, and itself. */
const CANCEL_SECONDS = 300;

/**
 * Starts commands at the remote end of the channels, detached from them, and reattaches to them.
 * Any failure leaves a state from which the next call continues; a command is started at most once.
 */
export class Supervisor {
  private readonly site: Site;

  /** @param spoolDir an absolute directory; null: the first writable of /run/rdev, /tmp, /dev/shm */
  constructor(
    open: OpenChannel,
    spoolDir: string | null,
    private readonly options: SupervisorOptions = {},
  ) {
    this.site = { open, spoolDir, confirm: options.confirm };
    if (spoolDir !== null && !/^\/[^\0\n]*$/.test(spoolDir))
      throw new RangeError('The spool directory must be an absolute path.');
  }

  /**
   * Claims and starts the command, unless it is claimed already; then attaches from the position. Safe to repeat after
   * any failure.
   * @throws RangeError if the kernel cannot represent the request: a NUL byte, an environment variable's name with `=`
   */
  run(request: StartRequest, from: StreamPosition, signal?: AbortSignal): Attachment {
    const { meta, script, stdin } = encodeRequest(request);
    const lengths = [meta.length, script.length, stdin.length];
    const args = ['run', checkCommandId(request.commandId), from.stdout, from.stderr, ...lengths];
    const question = { args, body: [meta, script, stdin] };
    const attachment = this.attachment(() => this.beginStart(question, signal), from, signal);
    const { standby } = this.options;
    if (standby !== undefined)
      void attachment.opened.then((opened) => {
        if (opened === 'started') standby.prepare(() => Conversation.standBy(this.site));
      });
    return attachment;
  }

  /** Attaches to a command that has been claimed. */
  attach(commandId: string, from: StreamPosition, signal?: AbortSignal): Attachment {
    const question = { args: ['attach', checkCommandId(commandId), from.stdout, from.stderr], body: [] };
    return this.attachment(() => Conversation.begin(this.site, question, signal), from, signal);
  }

  /**
   * Sends SIGTERM to the whole tree, then SIGKILL until no process is left; settles when that is done. The exit record
   * says `cancelled` unless the main process had already ended. A dead supervisor's processes are killed too.
   * @returns null if the command had ended or is absent
   * @throws if the channel breaks: retry
   */
  async cancel(commandId: string, graceSeconds: number, signal?: AbortSignal): Promise<KillReport | null> {
    const { header, trailer } = await this.ask(
      ['cancel', checkCommandId(commandId), millis(graceSeconds)],
      NOTHING,
      signal,
      graceSeconds + CANCEL_SECONDS,
    );
    if (header === 'absent' || trailer === 'ended') return null;
    if (trailer.startsWith('end ')) return parseExitRecord(trailer.slice(4)).kill;
    return parseKillReport(trailer.split(' ').slice(1));
  }

  /**
   * Sends a signal to all processes of the command.
   * @throws if the channel breaks
   */
  async signal(commandId: string, name: SignalName, signal?: AbortSignal): Promise<SignalOutcome> {
    const { trailer } = await this.ask(['signal', checkCommandId(commandId), name], NOTHING, signal);
    return trailer === 'sent' || trailer === 'ignored' ? trailer : 'ended';
  }

  /**
   * Writes bytes to the open stdin of a command, in order and once: at `offset`, or after everything written before if
   * it is null. Bytes that the command has not read are kept in the spool directory, 1 MiB at most.
   * @returns null if the command has ended or is absent
   * @throws if the channel breaks: it is unknown whether they were written; retry with the same offset to find out
   */
  async write(
    commandId: string,
    { data, offset, eof }: StdinPiece,
    signal?: AbortSignal,
  ): Promise<StdinOutcome | null> {
    const args = ['put', checkCommandId(commandId), offset ?? '-', data.length, eof ? 1 : 0];
    const { header, trailer } = await this.ask(args, data, signal);
    const [word, at] = trailer.split(' ');
    if (header === 'absent' || word === 'ended') return null;
    switch (word) {
      case 'accepted':
      case 'full':
      case 'closed':
      case 'offset':
        return { kind: word, offset: whole(at) };
      default:
        throw new Error('The supervisor returned an unexpected response.');
    }
  }

  /**
   * Removes the spools of the listed commands, and of those that ended longer ago than the maximum age, rounded up to
   * minutes. Running commands are left alone.
   * @returns the running commands
   * @throws if the channel breaks
   */
  async sweep(commandIds: readonly string[], maxAgeSeconds: number, signal?: AbortSignal): Promise<readonly string[]> {
    const minutes = Math.ceil(millis(maxAgeSeconds) / 60_000);
    const list = [...commandIds.map(checkCommandId), '.', ''].join('\n');
    const { trailer } = await this.ask(['sweep', '-', minutes], Buffer.from(list), signal);
    return trailer.split(' ').slice(1);
  }

  /**
   * Kills the background processes of ended commands with that fallback directory ({@link
   * StartRequest.keepBackground}).
   * @returns the number of these processes that survived
   * @throws if the channel breaks
   */
  async clear(fallbackCwd: string, signal?: AbortSignal): Promise<number> {
    const { trailer } = await this.ask(['clear', '-'], Buffer.from(`${value(fallbackCwd)}\n`), signal);
    return whole(trailer.split(' ')[1]);
  }

  private attachment(begin: () => Promise<Conversation>, from: StreamPosition, signal?: AbortSignal): Attachment {
    return new ChannelAttachment(begin, from, signal, this.options.pace);
  }

  private async beginStart(question: Question, signal?: AbortSignal): Promise<Conversation> {
    const ready = (await this.options.standby?.take()) ?? null;
    if (ready === null) return Conversation.begin(this.site, question, signal);
    ready.follow(question);
    // A retry is safe, also if it continues later.
    setTimeout(() => {
      if (ready.header === null) ready.channel.destroy();
    }, this.options.standbyMs ?? STANDBY_MS).unref();
    return ready;
  }

  private async ask(
    args: (string | number)[],
    body: Buffer,
    signal?: AbortSignal,
    timeoutSeconds = RESPONSE_SECONDS,
  ): Promise<{ header: string; trailer: string }> {
    const question = { args, body: [body] };
    const late = AbortSignal.timeout(Math.min(timeoutSeconds * 1000, TIMER_MS_MAX));
    const over = signal === undefined ? late : AbortSignal.any([signal, late]);
    const conversation = await Conversation.begin(this.site, question, over);
    try {
      while ((await conversation.next()) !== null);
      const { header, trailer } = conversation;
      if (header !== null && trailer !== null) return { header, trailer };
      const end = await conversation.channel.ended;
      throw end.kind === 'dropped' ? end.cause : new Error('The launcher exited prematurely.');
    } finally {
      conversation.channel.destroy();
    }
  }
}
