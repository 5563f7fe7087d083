import type { StreamName } from '@app/supervisor';
import {
  GAPS_MAX,
  type OutputGap,
  type OutputLedger,
  type OutputRun,
  RUN_BYTES_MAX,
} from '../src/application/output-ledger.js';
import { advance, runLength } from '../src/application/output-writer.js';
import { LeaseLost, type Position, START } from '@app/commands';
import { Random } from '@app/commands/testing';

export interface OutputLedgerHarness {
  readonly ledger: OutputLedger;
  /** Creates a command that the owner runs. */
  running(owner: string): Promise<string>;
  /** Another replica takes over the command. */
  handOver(commandId: string, owner: string): Promise<void>;
  /** Ends the command. */
  end(commandId: string, owner: string): Promise<void>;
  /** The output position in the command's own record. */
  position(commandId: string): Promise<Position>;
  close(): Promise<void>;
}

const OWNER = 'replica-a';
const STREAMS = ['stdout', 'stderr'] as const;
const LOTS = 64 * 1024 * 1024;

function data(stream: StreamName, offset: number, bytes: Buffer | string): OutputRun {
  return { kind: 'data', stream, offset, data: Buffer.from(bytes) };
}

function gap(stream: StreamName, offset: number, length: number, reason = 'output_limit'): OutputGap {
  return { kind: 'gap', stream, offset, length, reason };
}

/** Runs as comparable text; adjacent ones are not joined. */
function shown(runs: readonly OutputRun[]): string[] {
  return runs.map((run) => {
    const what = run.kind === 'data' ? run.data.toString('latin1') : `(${run.length} missing: ${run.reason})`;
    return `${run.stream}@${run.offset} ${what}`;
  });
}

/** Each byte in the order of storing: its stream, offset and value. */
function* each(runs: readonly OutputRun[]): Generator<string> {
  for (const run of runs) {
    const length = runLength(run);
    for (let i = 0; i < length; i++) {
      yield `${run.stream}:${run.offset + i}:${run.kind === 'data' ? run.data[i] : run.reason}`;
    }
  }
}

export function describeOutputLedger(name: string, open: () => Promise<OutputLedgerHarness>): void {
  describe(`OutputLedger: ${name}`, () => {
    let harness: OutputLedgerHarness;
    let ledger: OutputLedger;
    beforeAll(async () => {
      harness = await open();
      ({ ledger } = harness);
    });
    afterAll(() => harness.close());

    /** Reads to the end; fails on an empty read before it, or one that goes back. */
    async function readAll(id: string, from: Position, end: Position, maxBytes: () => number): Promise<OutputRun[]> {
      const all: OutputRun[] = [];
      let at = from;
      while (at.stdout < end.stdout || at.stderr < end.stderr) {
        const runs = await ledger.read(id, at, maxBytes());
        if (runs.length === 0) throw new Error(`An empty read at ${at.stdout}-${at.stderr}, before the end.`);
        for (const run of runs) {
          expect(run.offset).toBe(at[run.stream]);
          at = advance(at, [run]);
        }
        all.push(...runs);
      }
      expect(await ledger.read(id, at, LOTS)).toEqual([]);
      return all;
    }

    describe('append', () => {
      it('stores runs and advances the position together', async () => {
        const id = await harness.running(OWNER);
        await ledger.append(id, OWNER, START, [data('stdout', 0, 'one'), data('stderr', 0, 'two!')]);
        expect(await harness.position(id)).toEqual({ stdout: 3, stderr: 4 });
        await ledger.append(id, OWNER, { stdout: 3, stderr: 4 }, [data('stdout', 3, 'x')]);
        expect(await harness.position(id)).toEqual({ stdout: 4, stderr: 4 });
        expect(shown(await ledger.read(id, START, LOTS))).toEqual(['stdout@0 one', 'stderr@0 two!', 'stdout@3 x']);
      });

      it('is refused to a replica that does not hold the command', async () => {
        const id = await harness.running(OWNER);
        const append = ledger.append(id, 'replica-b', START, [data('stdout', 0, 'x')]);
        await expect(append).rejects.toThrow(LeaseLost);
        expect(await ledger.read(id, START, LOTS)).toEqual([]);
        expect(await harness.position(id)).toEqual(START);
      });

      it('is refused to a former owner, also for output that it still buffers', async () => {
        const id = await harness.running(OWNER);
        await ledger.append(id, OWNER, START, [data('stdout', 0, 'a')]);
        await harness.handOver(id, 'replica-b');
        const late = ledger.append(id, OWNER, { stdout: 1, stderr: 0 }, [data('stdout', 1, 'zombie')]);
        await expect(late).rejects.toThrow(LeaseLost);
        // Not even if it repeats an append: this replica may no longer write.
        const repeated = ledger.append(id, OWNER, START, [data('stdout', 0, 'a')]);
        await expect(repeated).rejects.toThrow(LeaseLost);
        await ledger.append(id, 'replica-b', { stdout: 1, stderr: 0 }, [data('stdout', 1, 'b')]);
        expect(shown(await ledger.read(id, START, LOTS))).toEqual(['stdout@0 a', 'stdout@1 b']);
      });

      it.each([
        ['behind', { stdout: 0, stderr: 0 }],
        ['ahead', { stdout: 9, stderr: 3 }],
        ['too low on the other stream', { stdout: 5, stderr: 0 }],
        ['too high on the other stream', { stdout: 5, stderr: 4 }],
      ])('is refused at a position that is %s', async (_case, from) => {
        const id = await harness.running(OWNER);
        await ledger.append(id, OWNER, START, [data('stdout', 0, 'hello'), data('stderr', 0, 'err')]);
        const append = ledger.append(id, OWNER, from, [data('stdout', from.stdout, 'x'.repeat(20))]);
        await expect(append).rejects.toThrow(LeaseLost);
        expect(await harness.position(id)).toEqual({ stdout: 5, stderr: 3 });
      });

      it('is refused once the command has ended', async () => {
        const id = await harness.running(OWNER);
        await ledger.append(id, OWNER, START, [data('stdout', 0, 'x')]);
        await harness.end(id, OWNER);
        const append = ledger.append(id, OWNER, { stdout: 1, stderr: 0 }, [data('stdout', 1, 'late')]);
        await expect(append).rejects.toThrow(LeaseLost);
        await expect(ledger.append(id, OWNER, START, [data('stdout', 0, 'x')])).rejects.toThrow(LeaseLost);
        expect(shown(await ledger.read(id, START, LOTS))).toEqual(['stdout@0 x']);
      });

      it('is refused for an unknown command', async () => {
        const id = (await harness.running(OWNER)).replace(/.$/, (last) => (last === '0' ? '1' : '0'));
        await expect(ledger.append(id, OWNER, START, [data('stdout', 0, 'x')])).rejects.toThrow(LeaseLost);
      });

      it('is applied once if it is repeated after a lost response', async () => {
        const id = await harness.running(OWNER);
        const runs = [data('stderr', 0, 'e1'), data('stdout', 0, 'o1')];
        await ledger.append(id, OWNER, START, runs);
        await ledger.append(id, OWNER, START, runs);
        await ledger.append(id, OWNER, START, runs);
        expect(await harness.position(id)).toEqual({ stdout: 2, stderr: 2 });
        expect(shown(await ledger.read(id, START, LOTS))).toEqual(['stderr@0 e1', 'stdout@0 o1']);
        await ledger.append(id, OWNER, { stdout: 2, stderr: 2 }, [data('stdout', 2, 'o2')]);
        expect(shown(await ledger.read(id, { stdout: 2, stderr: 2 }, LOTS))).toEqual(['stdout@2 o2']);
      });

      it('is applied once if the same is appended concurrently', async () => {
        const id = await harness.running(OWNER);
        const runs = [data('stdout', 0, 'only once'), gap('stderr', 0, 7)];
        const all = await Promise.allSettled(Array.from({ length: 6 }, () => ledger.append(id, OWNER, START, runs)));
        expect(all.map(({ status }) => status)).not.toContain('rejected');
        expect(shown(await ledger.read(id, START, LOTS))).toEqual([
          'stdout@0 only once',
          'stderr@0 (7 missing: output_limit)',
        ]);
      });

      it('applies exactly one of several different concurrent appends, as a whole', async () => {
        const id = await harness.running(OWNER);
        const attempts = Array.from({ length: 6 }, (_, i) => {
          const text = 'abcdef'.charAt(i).repeat(10 + i);
          return ledger.append(id, OWNER, START, [data('stdout', 0, text), data('stderr', 0, text)]);
        });
        const results = await Promise.allSettled(attempts);
        const winners = results.flatMap(({ status }, i) => (status === 'fulfilled' ? [i] : []));
        expect(winners).toHaveLength(1);
        const text = 'abcdef'.charAt(winners[0]!).repeat(10 + winners[0]!);
        expect(shown(await ledger.read(id, START, LOTS))).toEqual([`stdout@0 ${text}`, `stderr@0 ${text}`]);
      });

      it('of nothing changes nothing', async () => {
        const id = await harness.running(OWNER);
        await ledger.append(id, OWNER, START, []);
        expect(await harness.position(id)).toEqual(START);
        await ledger.append(id, OWNER, START, [data('stdout', 0, 'x')]);
        expect(shown(await ledger.read(id, START, LOTS))).toEqual(['stdout@0 x']);
      });

      it('preserves every byte value, and text that is not UTF-8', async () => {
        const id = await harness.running(OWNER);
        const bytes = Buffer.from(Array.from({ length: 512 }, (_, i) => i % 256));
        await ledger.append(id, OWNER, START, [data('stdout', 0, bytes)]);
        const [run] = await ledger.read(id, START, LOTS);
        expect(run!.kind === 'data' && run!.data.equals(bytes)).toBe(true);
      });

      it('accepts many runs at once', async () => {
        const id = await harness.running(OWNER);
        const runs = Array.from({ length: 2_000 }, (_, i) => data(STREAMS[i % 2]!, Math.floor(i / 2), 'x'));
        await ledger.append(id, OWNER, START, runs);
        const end = { stdout: 1_000, stderr: 1_000 };
        expect(await harness.position(id)).toEqual(end);
        expect([...each(await readAll(id, START, end, () => LOTS))]).toEqual([...each(runs)]);
      });
    });

    describe('read', () => {
      it('returns nothing for a command without output, and for an unknown one', async () => {
        const id = await harness.running(OWNER);
        expect(await ledger.read(id, START, LOTS)).toEqual([]);
        expect(await ledger.read('cmd_none', START, LOTS)).toEqual([]);
        expect(await ledger.readStream(id, 'stdout', 0, LOTS)).toEqual([]);
        expect(await ledger.gaps(id, 'stdout', 0)).toEqual([]);
      });

      it('returns from every pair of positions exactly the rest of both streams, in the order of storing', async () => {
        const id = await harness.running(OWNER);
        const batches: OutputRun[][] = [
          [data('stdout', 0, 'ab'), data('stderr', 0, 'ABC')],
          [data('stderr', 3, 'D')],
          [data('stdout', 2, 'cde'), gap('stdout', 5, 2), data('stderr', 4, 'EF')],
          [gap('stderr', 6, 1), data('stdout', 7, 'h')],
        ];
        let at = START;
        for (const runs of batches) {
          await ledger.append(id, OWNER, at, runs);
          at = advance(at, runs);
        }
        const whole = [...each(batches.flat())];
        for (let stdout = 0; stdout <= at.stdout; stdout++) {
          for (let stderr = 0; stderr <= at.stderr; stderr++) {
            const isLeft = (byte: string): boolean => {
              const [stream, offset] = byte.split(':');
              return Number(offset) >= (stream === 'stdout' ? stdout : stderr);
            };
            const rest = await readAll(id, { stdout, stderr }, at, () => 1);
            expect([...each(rest)]).toEqual(whole.filter(isLeft));
          }
        }
      });

      it('repeats the order that a live reader saw, wherever that one resumed', async () => {
        const id = await harness.running(OWNER);
        const live: string[] = [];
        let at = START;
        let read = START;
        for (let i = 0; i < 30; i++) {
          const stream = STREAMS[i % 3 === 0 ? 1 : 0];
          const runs = [data(stream, at[stream], `${i},`)];
          await ledger.append(id, OWNER, at, runs);
          at = advance(at, runs);
          if (i % 4 !== 0) continue;
          const seen = await readAll(id, read, at, () => 1 + i);
          live.push(...each(seen));
          read = advance(read, seen);
        }
        live.push(...each(await readAll(id, read, at, () => LOTS)));
        expect([...each(await readAll(id, START, at, () => LOTS))]).toEqual(live);
      });

      it('cuts in the middle of a run, and continues from there', async () => {
        const id = await harness.running(OWNER);
        await ledger.append(id, OWNER, START, [data('stdout', 0, '0123456789'), data('stderr', 0, 'abcdef')]);
        expect(shown(await ledger.read(id, { stdout: 4, stderr: 5 }, LOTS))).toEqual(['stdout@4 456789', 'stderr@5 f']);
        expect(shown(await ledger.read(id, { stdout: 9, stderr: 6 }, LOTS))).toEqual(['stdout@9 9']);
        expect(await ledger.read(id, { stdout: 10, stderr: 6 }, LOTS)).toEqual([]);
      });

      it('cuts in the middle of a gap', async () => {
        const id = await harness.running(OWNER);
        await ledger.append(id, OWNER, START, [gap('stdout', 0, 100, 'because')]);
        expect(shown(await ledger.read(id, { stdout: 60, stderr: 0 }, LOTS))).toEqual([
          'stdout@60 (40 missing: because)',
        ]);
      });

      it('returns nothing beyond the end, and nothing of the stream that is already read', async () => {
        const id = await harness.running(OWNER);
        await ledger.append(id, OWNER, START, [data('stdout', 0, 'abc'), data('stderr', 0, 'de')]);
        expect(await ledger.read(id, { stdout: 99, stderr: 99 }, LOTS)).toEqual([]);
        expect(shown(await ledger.read(id, { stdout: 99, stderr: 1 }, LOTS))).toEqual(['stderr@1 e']);
      });

      it.each([
        ['stdout', 'stderr'],
        ['stderr', 'stdout'],
      ] as const)(
        'never returns nothing while there is more: much of %s is read already, %s is not',
        async (read, rest) => {
          const id = await harness.running(OWNER);
          let at = START;
          // Many more runs than one read returns lie between the two that are wanted.
          const append = async (runs: OutputRun[]): Promise<void> => {
            await ledger.append(id, OWNER, at, runs);
            at = advance(at, runs);
          };
          await append([data(rest, 0, 'first ')]);
          for (let i = 0; i < 60; i++) await append([data(read, at[read], `${i} `)]);
          await append([data(rest, at[rest], 'second')]);
          for (let i = 0; i < 60; i++) await append([data(read, at[read], `${i} `)]);
          const from = { ...START, [read]: at[read] };
          const runs = await readAll(id, from, at, () => 1);
          expect(shown(runs)).toEqual([`${rest}@0 first `, `${rest}@6 second`]);
        },
      );

      it('never returns nothing while there is more, if the reader is ahead by part of a run', async () => {
        const id = await harness.running(OWNER);
        let at = START;
        for (let i = 0; i < 40; i++) {
          const runs = [data('stdout', at.stdout, 'oooo'), data('stderr', at.stderr, 'ee')];
          await ledger.append(id, OWNER, at, runs);
          at = advance(at, runs);
        }
        for (const from of [
          { stdout: at.stdout - 1, stderr: 0 },
          { stdout: 0, stderr: at.stderr - 1 },
          { stdout: 77, stderr: 3 },
          { stdout: 5, stderr: at.stderr },
        ]) {
          const bytes = [...each(await readAll(id, from, at, () => 1))];
          expect(bytes).toHaveLength(at.stdout - from.stdout + at.stderr - from.stderr);
        }
      });

      it('returns large output in pieces of bounded size', async () => {
        const id = await harness.running(OWNER);
        const runs = Array.from({ length: 40 }, (_, i) =>
          data('stdout', i * RUN_BYTES_MAX, Buffer.alloc(RUN_BYTES_MAX, i)),
        );
        await ledger.append(id, OWNER, START, runs);
        const end = { stdout: 40 * RUN_BYTES_MAX, stderr: 0 };
        for (const maxBytes of [1, RUN_BYTES_MAX, 256 * 1024]) {
          const some = await ledger.read(id, START, maxBytes);
          const bytes = some.reduce((sum, run) => sum + runLength(run), 0);
          expect(bytes).toBeGreaterThan(0);
          expect(bytes).toBeLessThanOrEqual(maxBytes + RUN_BYTES_MAX);
        }
        const all = await readAll(id, { stdout: 123_456, stderr: 0 }, end, () => 512 * 1024);
        const bytes = Buffer.concat(all.map((run) => (run.kind === 'data' ? run.data : Buffer.alloc(0))));
        const expected = Buffer.concat(runs.map((run) => (run.kind === 'data' ? run.data : Buffer.alloc(0))));
        expect(bytes.equals(expected.subarray(123_456))).toBe(true);
      });

      it('keeps commands apart', async () => {
        const [one, two] = [await harness.running(OWNER), await harness.running(OWNER)];
        await ledger.append(one, OWNER, START, [data('stdout', 0, 'one')]);
        await ledger.append(two, OWNER, START, [data('stdout', 0, 'two'), data('stderr', 0, '2')]);
        expect(shown(await ledger.read(one, START, LOTS))).toEqual(['stdout@0 one']);
        expect(shown(await ledger.read(two, START, LOTS))).toEqual(['stdout@0 two', 'stderr@0 2']);
      });

      it('shows an append to concurrent readers as a whole or not at all', async () => {
        const id = await harness.running(OWNER);
        let at = START;
        const state = { isWriting: true };
        const write = async (): Promise<void> => {
          for (let i = 0; i < 30; i++) {
            const runs = [data('stdout', at.stdout, 'oo'), data('stderr', at.stderr, 'e')];
            await ledger.append(id, OWNER, at, runs);
            at = advance(at, runs);
          }
        };
        const written = write().finally(() => (state.isWriting = false));
        let seen: Position = START;
        while (state.isWriting) {
          const stored = await harness.position(id);
          seen = advance(seen, await readAllUpTo(id, seen, stored));
          expect(seen.stdout).toBe(seen.stderr * 2);
          await new Promise((resolve) => setImmediate(resolve));
        }
        await written;
        seen = advance(seen, await readAllUpTo(id, seen, at));
        expect(seen).toEqual(at);
      });
    });

    async function readAllUpTo(id: string, from: Position, end: Position): Promise<OutputRun[]> {
      const all: OutputRun[] = [];
      let at = from;
      while (at.stdout < end.stdout || at.stderr < end.stderr || at.stdout !== at.stderr * 2) {
        const runs = await ledger.read(id, at, 256 * 1024);
        if (runs.length === 0) throw new Error('An empty read before the end.');
        all.push(...runs);
        at = advance(at, runs);
      }
      return all;
    }

    describe('readStream', () => {
      it('returns one stream from every offset, whatever lies between its runs', async () => {
        const id = await harness.running(OWNER);
        let at = START;
        for (let i = 0; i < 12; i++) {
          const runs = [
            data('stdout', at.stdout, `${i}:`),
            data('stderr', at.stderr, 'noise'),
            gap('stdout', at.stdout + `${i}:`.length, i % 2),
          ];
          const kept = runs.filter((run) => runLength(run) > 0);
          await ledger.append(id, OWNER, at, kept);
          at = advance(at, kept);
        }
        const whole: OutputRun[] = [];
        for (let offset = 0; offset < at.stdout;) {
          const runs = await ledger.readStream(id, 'stdout', offset, LOTS);
          expect(runs.length).toBeGreaterThan(0);
          whole.push(...runs);
          offset = advance({ stdout: offset, stderr: 0 }, runs).stdout;
        }
        const bytes = [...each(whole)];
        expect(bytes).toHaveLength(at.stdout);
        for (let offset = 0; offset <= at.stdout; offset++) {
          const runs = await ledger.readStream(id, 'stdout', offset, 1);
          expect([...each(runs)]).toEqual(bytes.slice(offset, offset + [...each(runs)].length));
          expect(runs.length > 0).toBe(offset < at.stdout);
        }
        expect(shown(await ledger.readStream(id, 'stderr', 3, 1))).toEqual(['stderr@3 se']);
      });

      it('never returns anything of the other stream', async () => {
        const id = await harness.running(OWNER);
        await ledger.append(id, OWNER, START, [data('stdout', 0, 'out'), data('stderr', 0, 'err')]);
        expect(shown(await ledger.readStream(id, 'stdout', 0, LOTS))).toEqual(['stdout@0 out']);
        expect(shown(await ledger.readStream(id, 'stderr', 0, LOTS))).toEqual(['stderr@0 err']);
        expect(await ledger.readStream(id, 'stderr', 3, LOTS)).toEqual([]);
      });
    });

    describe('gaps', () => {
      it('lists the missing ranges of one stream, in order', async () => {
        const id = await harness.running(OWNER);
        const runs = [
          data('stdout', 0, 'abc'),
          gap('stdout', 3, 5_000_000_000, 'output_limit'),
          gap('stderr', 0, 1, 'spool'),
          data('stdout', 5_000_000_003, 'z'),
          gap('stdout', 5_000_000_004, 2, 'spool'),
        ];
        await ledger.append(id, OWNER, START, runs);
        expect(await ledger.gaps(id, 'stdout', 0)).toEqual([runs[1], runs[4]]);
        expect(await ledger.gaps(id, 'stderr', 0)).toEqual([runs[2]]);
        expect(await ledger.gaps(id, 'stdout', 4)).toEqual([runs[1], runs[4]]);
        expect(await ledger.gaps(id, 'stdout', 5_000_000_003)).toEqual([runs[4]]);
        expect(await ledger.gaps(id, 'stdout', 5_000_000_006)).toEqual([]);
        expect(await harness.position(id)).toEqual({ stdout: 5_000_000_006, stderr: 1 });
        expect(shown(await ledger.read(id, { stdout: 4_000_000_000, stderr: 1 }, LOTS))).toEqual([
          'stdout@4000000000 (1000000003 missing: output_limit)',
          'stdout@5000000003 z',
          'stdout@5000000004 (2 missing: spool)',
        ]);
      });
    });

    it('reads no more than requested, and not run by run if they are small', async () => {
      const id = await harness.running(OWNER);
      const large = Array.from({ length: 40 }, (_, i) =>
        data('stdout', i * RUN_BYTES_MAX, Buffer.alloc(RUN_BYTES_MAX)),
      );
      const begin = 40 * RUN_BYTES_MAX;
      const small = Array.from({ length: 500 }, (_, i) =>
        data(STREAMS[i % 2]!, Math.floor(i / 2) + (i % 2 ? 0 : begin), 'x'),
      );
      await ledger.append(id, OWNER, START, [...large, ...small]);
      const bytes = (runs: readonly OutputRun[]): number => runs.reduce((sum, run) => sum + runLength(run), 0);
      expect(bytes(await ledger.read(id, START, 4 * RUN_BYTES_MAX))).toBe(4 * RUN_BYTES_MAX);
      expect(bytes(await ledger.readStream(id, 'stdout', 10, 100_000))).toBe(2 * RUN_BYTES_MAX - 10);
      const after = { stdout: begin, stderr: 0 };
      expect((await ledger.read(id, after, 20)).length).toBe(20);
      const many = (await ledger.read(id, after, LOTS)).length;
      expect([many > 50, many < 500]).toEqual([true, true]);
    });

    it('lists the first of many gaps', async () => {
      const id = await harness.running(OWNER);
      const runs = Array.from({ length: 2 * GAPS_MAX + 10 }, (_, i) =>
        i % 2 === 0 ? data('stdout', i, 'x') : gap('stdout', i, 1),
      );
      await ledger.append(id, OWNER, START, runs);
      const first = await ledger.gaps(id, 'stdout', 0);
      expect(first).toEqual(runs.filter(({ kind }) => kind === 'gap').slice(0, GAPS_MAX));
      expect(await ledger.gaps(id, 'stdout', first.at(-1)!.offset + 1)).toHaveLength(5);
    });

    describe('random output in random pieces, read from random positions', () => {
      it.each([1, 2, 3, 4, 5, 6, 7, 8])('is returned exactly (seed %d)', async (seed) => {
        const random = new Random(seed);
        const id = await harness.running(OWNER);
        const all: OutputRun[] = [];
        let at = START;
        for (let batch = 0; batch < 12; batch++) {
          const from = at;
          const runs: OutputRun[] = [];
          for (let n = 1 + random.below(5); n > 0; n--) {
            const stream = random.pick(STREAMS);
            const length = 1 + random.below(random.pick([3, 50, 3_000]));
            const run =
              random.below(6) === 0 ? gap(stream, at[stream], length) : data(stream, at[stream], random.bytes(length));
            runs.push(run);
            at = advance(at, [run]);
          }
          await ledger.append(id, OWNER, from, runs);
          if (random.below(4) === 0) await ledger.append(id, OWNER, from, runs);
          all.push(...runs);
        }
        expect(await harness.position(id)).toEqual(at);
        const whole = [...each(all)];
        for (let reader = 0; reader < 12; reader++) {
          const from = { stdout: random.below(at.stdout + 1), stderr: random.below(at.stderr + 1) };
          const rest = await readAll(id, from, at, () => 1 + random.below(300_000));
          const expected = whole.filter((byte) => {
            const [stream, offset] = byte.split(':');
            return Number(offset) >= from[stream as StreamName];
          });
          expect([...each(rest)].join()).toBe(expected.join());
        }
      });
    });
  });
}
