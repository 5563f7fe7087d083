import { setTimeout as delay } from 'node:timers/promises';
import { ChannelRefused } from '@app/channel';
import type { Conversation } from './conversation.js';
import { Heartbeat, type HeartbeatPace } from './heartbeat.js';
import { parseExitRecord, whole } from './exit-record.js';
import { LAUNCHER_REFUSAL } from './launcher.js';
import type { Attachment, AttachmentEnd, OutputChunk, StreamName, StreamPosition } from './types.js';

const ACKNOWLEDGE_MS = 5_000;

/** The local side of `attach`. */
export class ChannelAttachment implements Attachment {
  readonly opened: Promise<'started' | 'taken' | null>;
  readonly end: Promise<AttachmentEnd>;
  readonly chunks: AsyncIterable<OutputChunk>;
  private readonly conversation: Promise<Conversation>;
  private readonly ready: OutputChunk[] = [];
  private readonly received = { stdout: 0, stderr: 0 };
  private readonly settle: (end: AttachmentEnd) => void;
  private closed: Error | null = null;
  private heartbeat: Heartbeat | undefined;

  constructor(
    begin: () => Promise<Conversation>,
    private readonly from: StreamPosition,
    private readonly signal?: AbortSignal,
    private readonly pace?: HeartbeatPace,
  ) {
    const end = Promise.withResolvers<AttachmentEnd>();
    this.end = end.promise;
    this.settle = end.resolve;
    this.conversation = begin();
    this.opened = this.open();
    this.chunks = { [Symbol.asyncIterator]: () => this.read() };
    signal?.addEventListener('abort', this.abort, { once: true });
    void this.end.then(() => signal?.removeEventListener('abort', this.abort));
    if (signal?.aborted) this.abort();
  }

  async acknowledge(): Promise<void> {
    if ((await this.end).kind !== 'ended') return;
    const { channel, say } = await this.words();
    say('ack');
    const done = new AbortController();
    await Promise.race([channel.ended, delay(ACKNOWLEDGE_MS, undefined, { signal: done.signal, ref: false })]).catch(
      () => undefined,
    );
    done.abort();
    channel.destroy();
  }

  close(): void {
    this.finish({ kind: 'dropped', cause: this.closed ?? new Error('The attachment was closed locally.') });
    void this.conversation.then(
      ({ channel }) => {
        channel.destroy();
      },
      () => undefined,
    );
  }

  private readonly abort = (): void => {
    this.closed = this.signal?.reason instanceof Error ? this.signal.reason : new Error('Aborted.');
    this.close();
  };

  private async words() {
    const conversation = await this.conversation;
    return { channel: conversation.channel, say: (word: string) => conversation.say(word) };
  }

  /** Closes the attachment if its processes do not run any more. */
  private watch(conversation: Conversation): void {
    const heartbeat = new Heartbeat(
      conversation,
      () => {
        this.closed = new Error('The processes of the attachment do not respond: the command may have stopped them.');
        this.close();
      },
      this.pace,
    );
    this.heartbeat = heartbeat.start();
    void this.end.then(() => {
      heartbeat.stop();
    });
  }

  /** Reads up to the header. Output that came with it is kept for the reader. */
  private async open(): Promise<'started' | 'taken' | null> {
    try {
      const conversation = await this.conversation;
      this.watch(conversation);
      while (conversation.header === null) {
        const some = await conversation.next();
        if (some === null) break;
        this.ready.push(...some);
      }
      const { header } = conversation;
      if (header === 'started' || header === 'taken') return header;
      this.finish(header === null ? await this.broken(conversation) : refusal(header));
      conversation.channel.destroy();
    } catch (cause) {
      this.finish(brokenBy(asError(cause)));
    }
    return null;
  }

  private async *read(): AsyncGenerator<OutputChunk> {
    let isEnded = false;
    try {
      if ((await this.opened) === null) return;
      const conversation = await this.conversation;
      for (let some: OutputChunk[] | null = this.ready.splice(0); some !== null; some = await conversation.next()) {
        for (const chunk of some) {
          if (this.closed) return;
          if (chunk.stream === 'stdout') this.heartbeat?.arrived();
          this.received[chunk.stream] += chunk.data.length;
          yield chunk;
        }
      }
      const end = conversation.trailer === null ? await this.broken(conversation) : this.verdict(conversation.trailer);
      this.finish(end);
      isEnded = end.kind === 'ended';
    } catch (cause) {
      this.finish({ kind: 'dropped', cause: asError(cause) });
    } finally {
      // After an ending the channel stays open for the acknowledgement.
      if (!isEnded) this.close();
    }
  }

  /** An ending counts only if its bytes add up. */
  private verdict(trailer: string): AttachmentEnd {
    if (trailer.startsWith('gone ')) return { kind: 'supervisor-gone', detail: trailer.slice(5) };
    if (!trailer.startsWith('end ')) throw new Error('The supervisor reported no ending.');
    try {
      const record = parseExitRecord(trailer.slice(4).trimEnd());
      const why = (['stdout', 'stderr'] as const).flatMap((stream) => this.missing(stream, record.stored[stream]));
      return why.length > 0 ? { kind: 'record-unusable', detail: why.join(' ') } : { kind: 'ended', record };
    } catch (error) {
      return { kind: 'record-unusable', detail: asError(error).message };
    }
  }

  private missing(stream: StreamName, stored: number): string[] {
    const arrived = this.from[stream] + this.received[stream];
    if (arrived === stored) return [];
    return [`${String(arrived)} bytes of ${stream} arrived, but the exit record says ${String(stored)}.`];
  }

  private async broken({ channel, preamble }: Conversation): Promise<AttachmentEnd> {
    const end = await channel.ended;
    if (end.kind === 'dropped') return brokenBy(end.cause);
    if (preamble.startsWith(LAUNCHER_REFUSAL))
      return { kind: 'refused', detail: preamble.slice(LAUNCHER_REFUSAL.length) };
    const said = preamble === '' ? '' : ` Its output: ${preamble}`;
    const cause = new Error(`The launcher exited prematurely with code ${String(end.code)}.${said}`);
    return { kind: 'dropped', cause };
  }

  private finish(end: AttachmentEnd): void {
    this.settle(end);
  }
}

function brokenBy(cause: Error): AttachmentEnd {
  return cause instanceof ChannelRefused ? { kind: 'refused', detail: cause.message } : { kind: 'dropped', cause };
}

function refusal(header: string): AttachmentEnd {
  const [word, ...rest] = header.split(' ');
  switch (word) {
    case 'absent':
      return { kind: 'absent' };
    case 'short':
      return { kind: 'spool-short', spool: { stdout: whole(rest[0]), stderr: whole(rest[1]) } };
    case 'unsupported':
      return { kind: 'unsupported', detail: rest.join(' ') };
    default:
      return { kind: 'dropped', cause: new Error('The supervisor returned an unexpected response.') };
  }
}

function asError(cause: unknown): Error {
  return cause instanceof Error ? cause : new Error('The channel failed.', { cause });
}
