import type {
  Attachment,
  AttachmentEnd,
  KillReport,
  OutputChunk,
  SignalOutcome,
  StartRequest,
  StdinOutcome,
  StdinPiece,
  StreamPosition,
} from '@app/supervisor';
import { type CommandExecutor, type InstanceState } from '../src/application/command-executor.js';
import type { Instance } from '@app/commands';
import { anInstance } from '@app/commands/testing';

/** What one attachment produces before it ends. */
export interface Scene {
  readonly opened?: 'started' | 'taken' | null;
  readonly chunks?: readonly OutputChunk[] | AsyncIterable<OutputChunk>;
  /** Absent: it stays open until it is closed or aborted. */
  readonly end?: AttachmentEnd;
}

export interface OpenedAttachment {
  readonly how: 'start' | 'attach';
  readonly from: StreamPosition;
  readonly instance: Instance;
  readonly request: StartRequest | null;
  acknowledged: boolean;
  closed: boolean;
}

/** An instance on which the test scripts what each start or attachment produces; the last scene repeats. */
export class FakeCommandExecutor implements CommandExecutor {
  isIsolated = true;
  readonly opened: OpenedAttachment[] = [];
  readonly reaped: string[] = [];
  readonly swept: Instance[] = [];
  readonly cancelled: { commandId: string; graceSeconds: number }[] = [];
  instance: Instance = anInstance();
  /** Instances of every project in addition to the default one. */
  others: Instance[] = [];
  running: string[] = [];
  state: InstanceState | (() => InstanceState) = { kind: 'present' };
  scenes: (Scene | ((from: StreamPosition) => Scene))[] = [];
  onLocate: (projectId: string, container: string | null) => Promise<Instance> = () => Promise.resolve(this.instance);
  onWrite: (piece: StdinPiece) => Promise<StdinOutcome | null> = () => Promise.resolve(null);
  onCancel: () => Promise<KillReport | null> = () => Promise.resolve(null);

  locate(projectId: string, container: string | null): Promise<Instance> {
    return this.onLocate(projectId, container);
  }

  async instances(projectId: string): Promise<readonly Instance[]> {
    return [await this.onLocate(projectId, null), ...this.others];
  }

  observe(): Promise<InstanceState> {
    return Promise.resolve(typeof this.state === 'function' ? this.state() : this.state);
  }

  start(instance: Instance, request: StartRequest, from: StreamPosition, signal: AbortSignal): Attachment {
    return this.open({ how: 'start', instance, request, from }, signal);
  }

  attach(instance: Instance, _commandId: string, from: StreamPosition, signal: AbortSignal): Attachment {
    return this.open({ how: 'attach', instance, request: null, from }, signal);
  }

  cancel(_instance: Instance, commandId: string, graceSeconds: number): Promise<KillReport | null> {
    this.cancelled.push({ commandId, graceSeconds });
    return this.onCancel();
  }

  signal(): Promise<SignalOutcome> {
    return Promise.resolve('sent');
  }

  write(_instance: Instance, _commandId: string, piece: StdinPiece): Promise<StdinOutcome | null> {
    return this.onWrite(piece);
  }

  reap(projectId: string): Promise<number> {
    this.reaped.push(projectId);
    return Promise.resolve(0);
  }

  sweep(instance: Instance): Promise<readonly string[]> {
    this.swept.push(instance);
    return Promise.resolve(this.running);
  }

  private open(what: Pick<OpenedAttachment, 'how' | 'instance' | 'request' | 'from'>, signal: AbortSignal): Attachment {
    const seen: OpenedAttachment = { ...what, acknowledged: false, closed: false };
    const scene = this.scenes[Math.min(this.opened.length, this.scenes.length - 1)] ?? {};
    this.opened.push(seen);
    const attachment = anAttachment(typeof scene === 'function' ? scene(what.from) : scene, signal);
    return {
      ...attachment,
      acknowledge: async () => {
        seen.acknowledged = true;
      },
      close: () => {
        seen.closed = true;
        attachment.close();
      },
    };
  }
}

/** An attachment that plays a scene; aborting or closing it ends it like a broken connection. */
export function anAttachment({ opened = 'started', chunks = [], end }: Scene, signal?: AbortSignal): Attachment {
  const closed = new AbortController();
  const over = signal === undefined ? closed.signal : AbortSignal.any([closed.signal, signal]);
  const dropped = new Promise<AttachmentEnd>((resolve) => {
    const drop = (): void => resolve({ kind: 'dropped', cause: new Error('closed') });
    if (over.aborted) drop();
    else over.addEventListener('abort', drop, { once: true });
  });
  const ending = end === undefined ? dropped : Promise.resolve(end);
  async function* shown(): AsyncGenerator<OutputChunk> {
    for await (const chunk of chunks) {
      if (over.aborted) return;
      yield chunk;
    }
    await ending;
  }
  return {
    opened: Promise.resolve(opened),
    chunks: shown(),
    end: ending,
    acknowledge: () => Promise.resolve(),
    close: () => {
      closed.abort();
    },
  };
}
