import type { StreamName } from '@app/supervisor';
import type { MessageEvent } from '@nestjs/common';
import { aCommand } from '@app/commands/testing';
import type { Followed } from '../../application/output.service.js';
import type { OutputRun } from '../../application/output-ledger.js';
import { parseEventId } from '../../domain/event-id.js';
import { type Position, START, lost } from '@app/commands';
import { toMessages } from './command-stream.js';

const command = aCommand();
const result = { ...lost('unknown', 'x', START).result, queueMs: 0 };
const out = (offset: number, bytes: string | Buffer): OutputRun => ({
  kind: 'data',
  stream: 'stdout',
  offset,
  data: Buffer.from(bytes),
});
const err = (offset: number, bytes: string): OutputRun => ({ ...out(offset, bytes), stream: 'stderr' });

const WHOLE: readonly Followed[] = [
  { kind: 'opened', command: { ...command, status: 'starting' }, place: null },
  { kind: 'idle' },
  { kind: 'status', command, place: null },
  { kind: 'output', runs: [out(0, 'one '), err(0, 'E')] },
  { kind: 'idle' },
  { kind: 'output', runs: [out(4, Buffer.from('€').subarray(0, 2))] },
  { kind: 'idle' },
  { kind: 'output', runs: [err(1, 'F'), out(6, Buffer.from('€').subarray(2))] },
  { kind: 'output', runs: [{ kind: 'gap', stream: 'stderr', offset: 2, length: 9, reason: 'output_limit' }] },
  { kind: 'ended', command: { ...command, status: 'failed', result } },
];

async function messages(
  followed: readonly Followed[],
  from: Position = START,
  reconnecting = false,
): Promise<MessageEvent[]> {
  async function* items(): AsyncGenerator<Followed> {
    yield* followed;
  }
  const all: MessageEvent[] = [];
  for await (const message of toMessages(items(), from, reconnecting)) all.push(message);
  return all;
}

/** What a follower would receive from a position on. */
function followedFrom(position: Position): Followed[] {
  return WHOLE.flatMap((item): Followed[] => {
    if (item.kind !== 'output') return [item];
    const runs = item.runs.flatMap((run): OutputRun[] => {
      const skip = Math.max(0, position[run.stream] - run.offset);
      if (run.kind === 'gap')
        return skip >= run.length ? [] : [{ ...run, offset: run.offset + skip, length: run.length - skip }];
      return skip >= run.data.length ? [] : [{ ...run, offset: run.offset + skip, data: run.data.subarray(skip) }];
    });
    return runs.length === 0 ? [] : [{ kind: 'output', runs }];
  });
}

/** The output as a client assembles it. */
function received(all: readonly MessageEvent[]): Record<string, string> {
  const streams: Record<StreamName, string> = { stdout: '', stderr: '' };
  for (const { type, data } of all) {
    if (type === 'output') {
      const { stream, data: text, encoding } = data as { stream: StreamName; data: string; encoding: BufferEncoding };
      streams[stream] += Buffer.from(text, encoding).toString('hex');
    }
    if (type === 'gap') {
      const { stream, from, to } = data as { stream: StreamName; from: number; to: number };
      streams[stream] += `[${from}-${to}]`;
    }
  }
  return streams;
}

describe('toMessages', () => {
  it('begins with connected and status, and ends with complete', async () => {
    const all = await messages(WHOLE, START, true);
    expect(all.map(({ type }) => type)).toEqual([
      'connected',
      'status',
      'status',
      'output',
      'output',
      'output',
      'output',
      'gap',
      'complete',
    ]);
    const { id: commandId, projectId } = command;
    expect(all[0]!.data).toEqual({ commandId, projectId, status: 'starting', reconnecting: true });
    expect(all.at(-1)!.data).toEqual({ status: 'failed', result });
  });

  it('has no event named error', async () => {
    expect((await messages(WHOLE)).map(({ type }) => type)).not.toContain('error');
  });

  it('gives every message an id, and ids never go back', async () => {
    let before = START;
    for (const { id, type } of await messages(WHOLE)) {
      const { position, complete } = parseEventId(id!);
      expect(position.stdout).toBeGreaterThanOrEqual(before.stdout);
      expect(position.stderr).toBeGreaterThanOrEqual(before.stderr);
      if (type === 'output' || type === 'gap') expect(position).not.toEqual(before);
      expect(complete).toBe(type === 'complete');
      before = position;
    }
    expect(before).toEqual({ stdout: 7, stderr: 11 });
  });

  it('can be resumed at every message: before and after together are everything, once', async () => {
    const all = await messages(WHOLE);
    const whole = received(all);
    for (let last = 0; last < all.length - 1; last++) {
      const { position } = parseEventId(all[last]!.id!);
      const before = received(all.slice(0, last + 1));
      const rest = await messages(followedFrom(position), position, true);
      const after = received(rest);
      for (const stream of ['stdout', 'stderr']) expect(before[stream]! + after[stream]!).toBe(whole[stream]);
      expect(rest.at(-1)!.type).toBe('complete');
    }
  });

  it('sends a split character before the end, as bytes', async () => {
    const all = await messages([
      { kind: 'output', runs: [out(0, Buffer.from('€').subarray(0, 2))] },
      { kind: 'ended', command },
    ]);
    expect(all).toMatchObject([
      { type: 'output', data: { encoding: 'base64', offset: 0 }, id: '2-0' },
      { type: 'complete' },
    ]);
  });

  it('sends a split character within 250 ms if its rest does not arrive', async () => {
    jest.useFakeTimers(); // performance.now() is of their time
    const began = performance.now();
    async function* slow(): AsyncGenerator<Followed> {
      yield { kind: 'output', runs: [out(0, Buffer.from('€').subarray(0, 2))] };
      for (let look = 0; look < 100; look++) {
        yield { kind: 'idle' };
        jest.advanceTimersByTime(10);
      }
    }
    for await (const message of toMessages(slow(), START, false)) {
      expect(message).toMatchObject({ type: 'output', data: { encoding: 'base64' } });
      break;
    }
    expect(performance.now() - began).toBeLessThan(250);
    jest.useRealTimers();
  });
});
