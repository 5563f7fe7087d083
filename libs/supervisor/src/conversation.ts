import { randomBytes } from 'node:crypto';
import { BoundarySplitter } from './boundary-splitter.js';
import type { OpenChannel, Channel } from '@app/channel';
import { SUPERVISOR_PROGRAM, launcherArgv } from './launcher.js';
import { MergedStreams } from './merge-streams.js';
import type { OutputChunk, StreamName } from './types.js';

/**
 * A boundary begins with what output hardly ever ends in: a tail that may be its beginning is held back until more comes,
 * and with a plain hexadecimal number that would be every sixteenth prompt that ends in such a digit.
 */
const MARK = '\x1f\x1e';
/** The header must come within this many bytes; what comes before it are warnings of shells. */
const PREAMBLE_BYTES_MAX = 65_536;
/** Of what came in place of a header, so much is shown. */
const PREAMBLE_CHARS_SHOWN = 500;
const TRAILER_BYTES_MAX = 65_536;

export interface Question {
  readonly args: readonly (string | number)[];
  readonly spoolDir: string | null;
  readonly body: readonly Buffer[];
}

/**
 * What the far side says over one channel: on stdout a header line, output, and a trailer; on stderr only output. A nonce that
 * is made here and travels on stdin separates these, so nothing in the output can be taken for them.
 */
export class Conversation {
  private readonly splitters: Record<StreamName, BoundarySplitter>;
  private readonly section: Record<StreamName, number> = { stdout: 0, stderr: 0 };
  private readonly merged: MergedStreams;
  private headerText = '';
  private trailerText = '';
  private preambleBytes = 0;
  private preambleText = '';

  private constructor(
    readonly channel: Channel,
    private readonly nonce: string,
  ) {
    const boundary = Buffer.from(nonce);
    this.splitters = { stdout: new BoundarySplitter(boundary), stderr: new BoundarySplitter(boundary) };
    this.merged = new MergedStreams(channel.stdout, channel.stderr);
  }

  /** @throws if the channel cannot be opened */
  static async begin(
    open: OpenChannel,
    { args, spoolDir, body }: Question,
    signal?: AbortSignal,
  ): Promise<Conversation> {
    const channel = await open(launcherArgv(args), signal);
    const nonce = `${MARK}${randomBytes(16).toString('hex')}`;
    // The far side may go at any time; the channel's end tells.
    channel.stdin.on('error', () => undefined);
    channel.stdin.write(Buffer.concat([Buffer.from(`${SUPERVISOR_PROGRAM}${nonce}\n${spoolDir ?? ''}\n`), ...body]));
    return new Conversation(channel, nonce);
  }

  /** The first line of the answer, or null while it has not come. */
  get header(): string | null {
    const end = this.headerText.indexOf('\n');
    return end < 0 ? null : this.headerText.slice(0, end).trim();
  }

  /** What came in place of a header, such as the complaint of a shell; empty once there is one. */
  get preamble(): string {
    return this.header === null ? this.preambleText.trim() : '';
  }

  /** What follows the output, once both streams have come to their end; until then null. */
  get trailer(): string | null {
    return this.section.stdout === 3 && this.section.stderr === 2 ? this.trailerText.trimEnd() : null;
  }

  /** The next pieces of output, possibly none; null when nothing more can come. */
  async next(): Promise<OutputChunk[] | null> {
    if (this.trailer !== null) return null;
    const arrival = await this.merged.next();
    if (arrival === null) return null;
    const { stream, data } = arrival;
    const parts = data === null ? [this.splitters[stream].flush()] : this.splitters[stream].push(data);
    return parts.flatMap((part, index) => {
      if (index > 0) this.section[stream]++;
      return this.take(stream, part);
    });
  }

  say(word: string): void {
    this.channel.stdin.write(`${this.nonce} ${word}\n`);
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

  /** Gives what follows the header's line. */
  private takeHeader(part: Buffer): Buffer {
    if (this.header !== null) return part;
    const end = part.indexOf('\n');
    this.headerText += part.subarray(0, end < 0 ? part.length : end + 1).toString();
    return end < 0 ? Buffer.alloc(0) : part.subarray(end + 1);
  }
}

function chunks(stream: StreamName, data: Buffer): OutputChunk[] {
  return data.length === 0 ? [] : [{ stream, data }];
}
