import { Unavailable } from '@app/kernel';
import { Deferred, until } from '@app/kernel/testing';
import { FaultyOutputLedger, InMemoryOutputLedger } from '@app/output/testing';
import { InMemoryCommandRepository, Random, aCommand } from '@app/commands/testing';
import type { OutputChunk, StreamName } from '@app/supervisor';
import { LeaseLost, type Position, START } from '@app/commands';
import { OutputWriter } from './output-writer.js';
import { RUN_BYTES_MAX } from './output-ledger.js';

const OWNER = 'replica-a';
const chunk = (stream: StreamName, text: string | Buffer): OutputChunk => ({ stream, data: Buffer.from(text) });
const away = (): Unavailable => new Unavailable('The database does not answer.');

describe('OutputWriter', () => {
  let commands: InMemoryCommandRepository;
  let store: InMemoryOutputLedger;
  let ledger: FaultyOutputLedger;
  let id: string;
  let abort: AbortController;
  let hints: number;

  beforeEach(() => {
    commands = new InMemoryCommandRepository();
    store = new InMemoryOutputLedger(commands);
    ledger = new FaultyOutputLedger(store);
    const command = aCommand();
    ({ id } = command);
    commands.seed(command, OWNER);
    abort = new AbortController();
    hints = 0;
  });
  afterEach(() => abort.abort());

  const open = (from: Position = START): OutputWriter =>
    new OutputWriter(ledger, id, OWNER, from, () => hints++, abort.signal);
  const text = (stream: StreamName): string => store.bytes(id, stream).toString();

  it('stores chunks in order, updates its position, and hints at new output', async () => {
    const writer = open();
    await writer.push(chunk('stdout', 'hello '));
    await writer.push(chunk('stderr', 'oops'));
    await writer.push(chunk('stdout', 'world'));
    await writer.drain();
    expect([text('stdout'), text('stderr')]).toEqual(['hello world', 'oops']);
    expect(writer.position).toEqual({ stdout: 11, stderr: 4 });
    expect((await commands.findById(id))!.position).toEqual({ stdout: 11, stderr: 4 });
    expect(hints).toBe(ledger.appended.length);
  });

  it('keeps the order across the streams', async () => {
    const writer = open();
    const first = new Deferred();
    ledger.before = (attempt) => (attempt === 1 ? first.promise : undefined);
    for (const [stream, data] of [
      ['stdout', 'a'],
      ['stderr', 'B'],
      ['stderr', 'C'],
      ['stdout', 'd'],
    ] as const)
      await writer.push(chunk(stream, data));
    first.resolve();
    await writer.drain();
    const runs = await store.read(id, START, 1e6);
    const shown = runs.map((run) => `${run.stream} ${run.kind === 'data' ? run.data.toString() : ''}`);
    expect(shown.join(', ').replace('stderr B, stderr C', 'stderr BC')).toBe('stdout a, stderr BC, stdout d');
  });

  it('continues from a position', async () => {
    commands.change(id, { position: { stdout: 100, stderr: 7 } });
    const writer = open({ stdout: 100, stderr: 7 });
    await writer.push(chunk('stderr', 'x'));
    await writer.drain();
    expect(ledger.appended[0]!.runs).toMatchObject([{ stream: 'stderr', offset: 7 }]);
    expect(writer.position).toEqual({ stdout: 100, stderr: 8 });
  });

  it('coalesces small pieces into few appends', async () => {
    const writer = open();
    for (let i = 0; i < 1000; i++) await writer.push(chunk('stdout', `${i}\n`));
    await writer.drain();
    expect(ledger.appended.length).toBeLessThan(100);
    expect(text('stdout')).toBe(Array.from({ length: 1000 }, (_, i) => `${i}\n`).join(''));
  });

  it('stores a full batch at once, without waiting for the time between two', async () => {
    jest.useFakeTimers({ doNotFake: ['setImmediate', 'nextTick'] });
    try {
      const writer = open();
      for (let i = 0; i < 100; i++) await writer.push(chunk('stdout', Buffer.alloc(100_000, i)));
      const stored = writer.position.stdout;
      expect(stored).toBeGreaterThan(8_000_000);
    } finally {
      jest.useRealTimers();
    }
  });

  it('gathers a batch while the previous one is being stored', async () => {
    const gates = [new Deferred(), new Deferred()];
    ledger.before = (attempt) => gates[attempt - 1]?.promise;
    const writer = open();
    const piece = Buffer.alloc(RUN_BYTES_MAX);
    for (let i = 0; i < 16; i++) await writer.push(chunk('stdout', piece));
    gates[0]!.resolve();
    await until(() => writer.position.stdout === RUN_BYTES_MAX);
    // The second batch is only a part of what waits, so its storing does not leave the next one to begin from nothing.
    gates[1]!.resolve();
    await writer.drain();
    const sizes = ledger.appended.map(({ runs }) => runs.length);
    expect(sizes).toEqual([1, 8, 7]);
  });

  it('stores the first piece immediately, without waiting for more', async () => {
    const writer = open();
    await writer.push(chunk('stdout', 'prompt> '));
    await Promise.resolve();
    await writer.drain();
    expect(ledger.appended).toHaveLength(1);
  });

  it('cuts pieces larger than a row', async () => {
    const writer = open();
    await writer.push(chunk('stdout', Buffer.alloc(RUN_BYTES_MAX * 3 + 5, 'x')));
    await writer.drain();
    const lengths = ledger.appended.flatMap(({ runs }) => runs.map((run) => run.kind === 'data' && run.data.length));
    expect(lengths).toEqual([RUN_BYTES_MAX, RUN_BYTES_MAX, RUN_BYTES_MAX, 5]);
  });

  it('stores a piece whenever it arrives, also just as the previous one is done', async () => {
    for (let turns = 0; turns < 40; turns++) {
      commands.change(id, { position: START });
      const before = text('stdout').length;
      const writer = open();
      await writer.push(chunk('stdout', 'a'));
      for (let turn = 0; turn < turns; turn++) await Promise.resolve();
      await writer.push(chunk('stdout', 'b'));
      await writer.drain();
      expect([turns, text('stdout').slice(before)]).toEqual([turns, 'ab']);
    }
  });

  it('ignores an empty piece', async () => {
    const writer = open();
    await writer.push(chunk('stdout', ''));
    await writer.push(chunk('stdout', 'x'));
    await writer.push(chunk('stderr', ''));
    await writer.drain();
    expect(ledger.appended.filter(({ runs }) => runs.length === 0)).toEqual([]);
    expect(text('stdout')).toBe('x');
  });

  it('passes a bounded number of runs to each append, however the streams alternate', async () => {
    const writer = open();
    const first = new Deferred();
    ledger.before = (attempt) => (attempt === 1 ? first.promise : undefined);
    for (let i = 0; i < 20_000; i++) await writer.push(chunk(i % 2 === 0 ? 'stdout' : 'stderr', 'x'));
    first.resolve();
    await writer.drain();
    expect(writer.position).toEqual({ stdout: 10_000, stderr: 10_000 });
    expect(Math.max(...ledger.appended.map(({ runs }) => runs.length))).toBeLessThanOrEqual(10_000);
  });

  describe('with a slow ledger', () => {
    it('blocks the producer before it has much in memory', async () => {
      const gate = new Deferred();
      ledger.before = () => gate.promise;
      const writer = open();
      let pushed = 0;
      const produce = async (): Promise<void> => {
        for (let i = 0; i < 100; i++) {
          await writer.push(chunk('stdout', Buffer.alloc(100_000, i)));
          pushed++;
        }
      };
      const produced = produce();
      await until(() => pushed >= 10);
      for (let turn = 0; turn < 20; turn++) await new Promise((resolve) => setImmediate(resolve));
      expect(pushed).toBeLessThanOrEqual(12);
      gate.resolve();
      await produced;
      await writer.drain();
      expect(writer.position.stdout).toBe(10_000_000);
    });

    it('unblocks a waiting producer when the lease is lost', async () => {
      const gate = new Deferred();
      ledger.before = () => gate.promise;
      const writer = open();
      const pushing = writer.push(chunk('stdout', Buffer.alloc(3_000_000)));
      commands.change(id, {}, { leaseOwner: 'replica-b' });
      gate.resolve();
      await expect(pushing).rejects.toThrow(LeaseLost);
    });

    it('unblocks a waiting producer when it is told to stop', async () => {
      ledger.before = () => Promise.reject(away());
      const writer = open();
      const pushing = writer.push(chunk('stdout', Buffer.alloc(3_000_000)));
      abort.abort();
      await expect(pushing).rejects.toThrow('aborted');
    });
  });

  describe('with an unavailable database', () => {
    it('retries until it has recovered, and then continues as usual', async () => {
      ledger.before = (attempt) => {
        if (attempt <= 3) throw away();
      };
      const writer = open();
      await writer.push(chunk('stdout', 'a'));
      await writer.push(chunk('stdout', 'b'));
      await writer.drain();
      expect(text('stdout')).toBe('ab');
    });

    it('stores nothing twice if the response of a commit was lost', async () => {
      ledger.after = (attempt) => {
        if (attempt % 2 === 1) throw away();
      };
      const writer = open();
      for (let i = 0; i < 5; i++) {
        await writer.push(chunk('stdout', `${i}`));
        await writer.drain();
      }
      expect(text('stdout')).toBe('01234');
      expect(writer.position.stdout).toBe(5);
    });

    it('stops waiting when it is told to stop', async () => {
      ledger.before = () => {
        throw away();
      };
      const writer = open();
      await writer.push(chunk('stdout', 'a'));
      abort.abort();
      await expect(writer.drain()).rejects.toThrow('aborted');
      expect(text('stdout')).toBe('');
    });
  });

  describe('after a failure', () => {
    it('throws at the next push, and at the drain', async () => {
      commands.change(id, {}, { leaseOwner: 'replica-b' });
      const writer = open();
      await writer.push(chunk('stdout', 'a'));
      await expect(writer.drain()).rejects.toThrow(LeaseLost);
      await expect(writer.push(chunk('stdout', 'b'))).rejects.toThrow(LeaseLost);
    });

    it('stores nothing more: later bytes would take the place of those that were not stored', async () => {
      const first = new Deferred();
      ledger.before = (attempt) => (attempt === 1 ? first.promise : undefined);
      const writer = open();
      await writer.push(chunk('stdout', 'first '));
      await writer.push(chunk('stdout', 'second '));
      first.reject(new Error('canceling statement due to statement timeout'));
      await expect(writer.drain()).rejects.toThrow('statement timeout');
      await expect(writer.push(chunk('stdout', 'third'))).rejects.toThrow('statement timeout');
      await expect(writer.drain()).rejects.toThrow('statement timeout');
      for (let turn = 0; turn < 20; turn++) await new Promise((resolve) => setImmediate(resolve));
      expect(text('stdout')).toBe('');
      expect((await commands.findById(id))!.position).toEqual(START);
    });
  });

  it.each([1, 2, 3])('stores exactly the bytes, whatever the pieces and the outages (seed %d)', async (seed) => {
    const random = new Random(seed);
    ledger.before = async () => {
      for (let turn = random.below(4); turn > 0; turn--) await new Promise((resolve) => setImmediate(resolve));
      if (random.below(8) === 0) throw away();
    };
    ledger.after = () => {
      if (random.below(8) === 0) throw away();
    };
    const expected = { stdout: [] as Buffer[], stderr: [] as Buffer[] };
    const writer = open();
    for (let i = 0; i < 150; i++) {
      const stream = random.pick(['stdout', 'stderr'] as const);
      const data = random.bytes(random.below(random.pick([2, 200, 20_000])));
      expected[stream].push(data);
      await writer.push({ stream, data });
      if (random.below(30) === 0) await writer.drain();
    }
    await writer.drain();
    for (const stream of ['stdout', 'stderr'] as const) {
      expect(store.bytes(id, stream).equals(Buffer.concat(expected[stream]))).toBe(true);
    }
  });
});
