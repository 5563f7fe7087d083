import { randomBytes } from 'node:crypto';
import { BoundarySplitter } from './boundary-splitter.js';
import type { OpenChannel, Channel } from '@app/channel';
import { SUPERVISOR_PROGRAM, launcherArgv } from './launcher.js';
import { MergedStreams } from './merge-streams.js';
import type { OutputChunk, StreamName } from './types.js';

/**
 * Boundaries begin with characters that output hardly ever ends in, as a tail that may begin a boundary is held back
 * until more arrives. With a plain hexadecimal number one in sixteen prompts that end in such a digit would be held
 * back.
 */
const MARK = '\x1f\x1e';
/** The header must arrive within this many bytes; shells may print warnings before it. */
const PREAMBLE_BYTES_MAX = 65_536;
/** Length of the shown part of what came in place of a header. */
const PREAMBLE_CHARS_SHOWN = 500;
const TRAILER_BYTES_MAX = 65_536;
const PROGRAM = Buffer.from(SUPERVISOR_PROGRAM);

/** Where a conversation takes place. */
export interface Site {
  readonly open: OpenChannel;
  readonly spoolDir: string | null;
  /** See {@link SupervisorOptions.confirm}. */
  readonly confirm?: ((signal?: AbortSignal) => Promise<void>) | undefined;
}

export interface Question {
  readonly args: readonly (string | number)[];
  readonly body: readonly Buffer[];
}

/**
 * What the remote side sends over one channel: a header line, output and a trailer on stdout; only output on stderr. A
 * nonce that is created here and sent on stdin separates these, so no output can be mistaken for a header or a trailer.
 */
export class Conversation {
  private readonly splitters: Record<StreamName, BoundarySplitter>;
  private readonly answers: BoundarySplitter;
  private readonly question = `${MARK}${randomBytes(16).toString('hex')}`;
  private readonly section: Record<StreamName, number> = { stdout: 0, stderr: 0 };
  private readonly merged: MergedStreams;
  private headerText = '';
  private trailerText = '';
  private preambleBytes = 0;
  private preambleText = '';
  private waiting = false;
  private answered: () => void = () => undefined;

  private constructor(
    readonly channel: Channel,
    private readonly nonce: string,
  ) {
    const boundary = Buffer.from(nonce);
    this.splitters = { stdout: new BoundarySplitter(boundary), stderr: new BoundarySplitter(boundary) };
    this.answers = new BoundarySplitter(Buffer.from(this.question));
    this.merged = new MergedStreams(channel.stdout, channel.stderr);
  }

  /** @throws if the channel cannot be opened, or what `confirm` rejects with: then nothing was asked */
  static async begin(
    { open, spoolDir, confirm }: Site,
    { args, body }: Question,
    signal?: AbortSignal,
  ): Promise<Conversation> {
    const channel = await open(launcherArgv(args), signal);
    const nonce = `${MARK}${randomBytes(16).toString('hex')}`;
    // The remote side may disappear at any time; the channel's end reports it.
    channel.stdin.on('error', () => undefined);
    const request = Buffer.concat([Buffer.from(`${nonce}\n${spoolDir ?? ''}\n`), ...body]);
    if (confirm === undefined) channel.stdin.write(Buffer.concat([PROGRAM, request]));
    else await sendConfirmed(channel, request, () => confirm(signal));
    return new Conversation(channel, nonce);
  }

  /** The first line of the response; null until it has arrived. */
  get header(): string | null {
    const end = this.headerText.indexOf('\n');
    return end < 0 ? null : this.headerText.slice(0, end).trim();
  }

  /** What came in place of a header, such as a shell's error message; empty once there is a header. */
  get preamble(): string {
    return this.header === null ? this.preambleText.trim() : '';
  }

  /** What follows the output; null until both streams have ended. */
  get trailer(): string | null {
    return this.section.stdout === 3 && this.section.stderr === 2 ? this.trailerText.trimEnd() : null;
  }

  /** The next pieces of output, possibly none; null at the end. */
  async next(): Promise<OutputChunk[] | null> {
    if (this.trailer !== null) return null;
    this.waiting = true;
    const arrival = await this.merged.next();
    this.waiting = false;
    if (arrival === null) return null;
    const { stream, data } = arrival;
    return this.split(stream, data).flatMap((part, index) => {
      if (index > 0) this.section[stream]++;
      return this.take(stream, part);
    });
  }

  /** Begins one whose question follows: what does not depend on that is done in advance. */
  static standBy(site: Site): Promise<Conversation> {
    // Takes the place of the command's id, and cannot be one. Containers may share a spool directory.
    const name = `+${randomBytes(8).toString('hex')}`;
    return Conversation.begin(site, { args: ['standby', name], body: [] });
  }

  /** Asks the question of a conversation that stands by. */
  follow({ args, body }: Question): void {
    this.channel.stdin.write(Buffer.concat([Buffer.from(`${args.join(' ')}\n`), ...body]));
  }

  say(word: string): void {
    this.channel.stdin.write(`${this.nonce} ${word}\n`);
  }

  /** Whether everything that has arrived was read. */
  get isWaiting(): boolean {
    return this.waiting;
  }

  /** Asks the remote side to answer. Only one that is serving an attachment does. */
  ask(answered: () => void): void {
    this.answered = answered;
    this.say(this.question);
  }

  /** The parts of what arrived, or of what was held back until the end (null). */
  private split(stream: StreamName, data: Buffer | null): Buffer[] {
    const splitter = this.splitters[stream];
    if (stream === 'stderr') return data === null ? [splitter.flush()] : splitter.push(data);
    if (data === null) return [Buffer.concat([...splitter.push(this.answers.flush()), splitter.flush()])];
    // An answer may be anywhere, as another process writes it.
    const parts = this.answers.push(data);
    if (parts.length > 1) this.answered();
    return splitter.push(parts.length === 1 && parts[0] !== undefined ? parts[0] : Buffer.concat(parts));
  }

  private take(stream: StreamName, part: Buffer): OutputChunk[] {
    switch (this.section[stream]) {
      case 0:
        this.preambleBytes += part.length;
        this.preambleText = (this.preambleText + part.toString()).slice(0, PREAMBLE_CHARS_SHOWN);
        if (this.preambleBytes > PREAMBLE_BYTES_MAX) this.channel.destroy();
        return [];
      case 1:
        return chunks(stream, stream === 'stdout' ? this.takeHeader(part) : part);
      case 2:
        if (stream === 'stdout' && this.trailerText.length < TRAILER_BYTES_MAX) this.trailerText += part.toString();
        return [];
      default:
        return [];
    }
  }

  /** @returns what follows the header line */
  private takeHeader(part: Buffer): Buffer {
    if (this.header !== null) return part;
    const end = part.indexOf('\n');
    this.headerText += part.subarray(0, end < 0 ? part.length : end + 1).toString();
    return end < 0 ? Buffer.alloc(0) : part.subarray(end + 1);
  }
}

/** Meanwhile the remote side reads the program. */
async function sendConfirmed(channel: Channel, request: Buffer, confirm: () => Promise<void>): Promise<void> {
  channel.stdin.write(PROGRAM);
  try {
    await confirm();
  } catch (error) {
    channel.destroy();
    throw error;
  }
  channel.stdin.write(request);
}

function chunks(stream: StreamName, data: Buffer): OutputChunk[] {
  return data.length === 0 ? [] : [{ stream, data }];
}
