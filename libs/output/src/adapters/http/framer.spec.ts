import { Random } from '@app/commands/testing';
import type { StreamName } from '@app/supervisor';
import type { OutputRun } from '../../application/output-ledger.js';
import { type Position, START } from '@app/commands';
import { type Frame, Framer } from './framer.js';

const TEXT = 'aé€😀z — नमस्ते 👩‍👩‍👧 \uFEFFBOM \u0000 end';

function data(stream: StreamName, offset: number, bytes: Buffer | string): OutputRun {
  return { kind: 'data', stream, offset, data: Buffer.from(bytes) };
}

/** Checks the invariants of all frames, and returns the bytes of a stream. */
function bytesOf(frames: readonly Frame[], stream: StreamName, from: Position = START): Buffer {
  let at: Position = from;
  const parts: Buffer[] = [];
  for (const frame of frames) {
    const before = at;
    at = frame.after;
    if (frame.kind === 'gap') {
      expect(frame.from).toBe(before[frame.stream]);
      expect(at[frame.stream]).toBe(frame.to);
      continue;
    }
    const bytes = Buffer.from(frame.data, frame.encoding === 'base64' ? 'base64' : 'utf8');
    expect(bytes.length).toBeGreaterThan(0);
    expect(bytes.length).toBeLessThanOrEqual(64 * 1024);
    expect(frame.offset).toBe(before[frame.stream]);
    expect(at).toEqual({ ...before, [frame.stream]: before[frame.stream] + bytes.length });
    if (frame.stream === stream) parts.push(bytes);
  }
  return Buffer.concat(parts);
}

describe('Framer', () => {
  it.each([
    ['control characters', Buffer.alloc(300_000, 1)],
    ['quotes', Buffer.alloc(300_000, '"')],
    ['binary data', Buffer.alloc(300_000, 0xff)],
    ['line ends between four-byte characters', Buffer.from('😀\n\u0001'.repeat(50_000))],
  ])('makes frames of at most 128 KiB of JSON from %s', (_what, bytes) => {
    const framer = new Framer(START);
    const frames = [...framer.push([data('stdout', 0, bytes)]), ...framer.flush()];
    expect(bytesOf(frames, 'stdout').equals(bytes)).toBe(true);
    for (const frame of frames) {
      expect(frame.kind === 'output' && Buffer.byteLength(JSON.stringify(frame.data))).toBeLessThanOrEqual(128 * 1024);
    }
  });

  it('never splits a character, wherever the runs are cut', () => {
    const bytes = Buffer.from(TEXT);
    for (let cut = 0; cut <= bytes.length; cut++) {
      const framer = new Framer(START);
      const frames = [
        ...framer.push([data('stdout', 0, bytes.subarray(0, cut))]),
        ...framer.push([data('stdout', cut, bytes.subarray(cut))]),
      ];
      expect(frames.map((frame) => frame.kind === 'output' && frame.encoding)).not.toContain('base64');
      expect(frames.map((frame) => (frame.kind === 'output' ? frame.data : '')).join('')).toBe(TEXT);
      expect(bytesOf(frames, 'stdout').equals(bytes)).toBe(true);
      expect(framer.position.stdout).toBe(bytes.length);
    }
  });

  it('never splits a character when it gets single bytes, alternating between streams', () => {
    const bytes = Buffer.from(TEXT);
    const framer = new Framer(START);
    const frames: Frame[] = [];
    for (let at = 0; at < bytes.length; at++) {
      for (const stream of ['stdout', 'stderr'] as const) {
        frames.push(...framer.push([data(stream, at, bytes.subarray(at, at + 1))]));
      }
    }
    for (const stream of ['stdout', 'stderr'] as const) {
      expect(bytesOf(frames, stream).toString()).toBe(TEXT);
    }
    expect(frames.map((frame) => frame.kind === 'output' && frame.encoding)).not.toContain('base64');
  });

  it('does not count pending bytes in the position', () => {
    const framer = new Framer({ stdout: 10, stderr: 5 });
    const [euro] = [Buffer.from('€')];
    expect([...framer.push([data('stdout', 10, euro.subarray(0, 2))])]).toEqual([]);
    expect(framer.position).toEqual({ stdout: 10, stderr: 5 });
    const frames = [...framer.push([data('stderr', 5, 'x'), data('stdout', 12, euro.subarray(2))])];
    expect(frames).toMatchObject([
      { stream: 'stderr', data: 'x', offset: 5, after: { stdout: 10, stderr: 6 } },
      { stream: 'stdout', data: '€', offset: 10, after: { stdout: 13, stderr: 6 } },
    ]);
    expect([...framer.flush()]).toEqual([]);
  });

  it('flushes pending bytes as they are, and their rest when it arrives', () => {
    const framer = new Framer(START);
    const bytes = Buffer.from('a€');
    const frames = [
      ...framer.push([data('stdout', 0, bytes.subarray(0, 3))]),
      ...framer.flush(),
      ...framer.push([data('stdout', 3, bytes.subarray(3))]),
      ...framer.flush(),
    ];
    expect(frames.map((frame) => frame.kind === 'output' && frame.encoding)).toEqual(['utf-8', 'base64', 'base64']);
    expect(bytesOf(frames, 'stdout').equals(bytes)).toBe(true);
    expect([...framer.flush()]).toEqual([]);
  });

  describe('flushing by waiting time', () => {
    const now = jest.spyOn(performance, 'now');
    afterAll(() => now.mockRestore());
    const [first, rest] = [Buffer.from('€').subarray(0, 2), Buffer.from('€').subarray(2)];
    const given = (frames: Iterable<Frame>): string[] =>
      [...frames].map((frame) => `${frame.stream} ${frame.kind === 'output' ? frame.encoding : ''}`);

    it('counts from the pending character, not from earlier ones', () => {
      const framer = new Framer(START);
      // Each piece completes a character and begins the next, so none waits long.
      now.mockReturnValue(1_000);
      expect(given(framer.push([data('stdout', 0, first)]))).toEqual([]);
      for (let at = 2, ms = 1_040; ms < 2_000; at += 3, ms += 40) {
        now.mockReturnValue(ms);
        expect(given(framer.push([data('stdout', at, Buffer.concat([rest, first]))]))).toEqual(['stdout utf-8']);
        expect(given(framer.flush(50))).toEqual([]);
      }
    });

    it('continues counting while a character grows without being complete', () => {
      const framer = new Framer(START);
      now.mockReturnValue(1_000);
      expect(given(framer.push([data('stdout', 0, first.subarray(0, 1))]))).toEqual([]);
      now.mockReturnValue(1_040);
      expect(given(framer.push([data('stdout', 1, first.subarray(1))]))).toEqual([]);
      now.mockReturnValue(1_050);
      expect(given(framer.flush(50))).toEqual(['stdout base64']);
    });

    it('counts for each stream separately', () => {
      const framer = new Framer(START);
      now.mockReturnValue(1_000);
      expect(given(framer.push([data('stdout', 0, first)]))).toEqual([]);
      now.mockReturnValue(1_040);
      expect(given(framer.push([data('stderr', 0, first)]))).toEqual([]);
      now.mockReturnValue(1_060);
      expect(given(framer.flush(50))).toEqual(['stdout base64']);
      expect(given(framer.push([data('stderr', 2, rest)]))).toEqual(['stderr utf-8']);
    });
  });

  it('cuts large output into frames of at most 64 KiB, between characters', () => {
    const bytes = Buffer.from('😀'.repeat(100_000));
    const framer = new Framer(START);
    const frames = [
      ...framer.push([data('stdout', 0, bytes.subarray(0, 99_999)), data('stdout', 99_999, bytes.subarray(99_999))]),
    ];
    expect(bytesOf(frames, 'stdout').equals(bytes)).toBe(true);
    expect(frames.map((frame) => frame.kind === 'output' && frame.encoding)).not.toContain('base64');
  });

  it('returns binary as base64, byte for byte, without delay', () => {
    const bytes = new Random(1).bytes(200_000);
    const framer = new Framer(START);
    const frames: Frame[] = [];
    for (let at = 0; at < bytes.length; at += 7_777)
      frames.push(...framer.push([data('stderr', at, bytes.subarray(at, at + 7_777))]));
    frames.push(...framer.flush());
    expect(bytesOf(frames, 'stderr').equals(bytes)).toBe(true);
  });

  it('reports gaps in order, after pending bytes', () => {
    const framer = new Framer(START);
    const euro = Buffer.from('€');
    const frames = [
      ...framer.push([
        data('stdout', 0, Buffer.concat([Buffer.from('ab'), euro.subarray(0, 1)])),
        { kind: 'gap', stream: 'stdout', offset: 3, length: 1_000_000, reason: 'output_limit' },
        data('stdout', 1_000_003, 'z'),
      ]),
    ];
    expect(frames).toMatchObject([
      { kind: 'output', data: 'ab', offset: 0 },
      { kind: 'output', encoding: 'base64', offset: 2 },
      { kind: 'gap', from: 3, to: 1_000_003, reason: 'output_limit', after: { stdout: 1_000_003, stderr: 0 } },
      { kind: 'output', data: 'z', offset: 1_000_003 },
    ]);
    bytesOf(frames, 'stdout');
  });

  it('starts in the middle of a character if a client resumes there', () => {
    const euro = Buffer.from('€!');
    const framer = new Framer({ stdout: 1, stderr: 0 });
    const frames = [...framer.push([data('stdout', 1, euro.subarray(1))])];
    expect(bytesOf(frames, 'stdout', { stdout: 1, stderr: 0 }).equals(euro.subarray(1))).toBe(true);
  });

  it.each([1, 2, 3, 4])('preserves the bytes exactly, whatever the pieces and flushes (seed %d)', (seed) => {
    const random = new Random(seed);
    const framer = new Framer(START);
    const expected = { stdout: [] as Buffer[], stderr: [] as Buffer[] };
    const offsets = { stdout: 0, stderr: 0 };
    const frames: Frame[] = [];
    for (let i = 0; i < 300; i++) {
      const stream = random.pick(['stdout', 'stderr'] as const);
      const whole = random.below(2) === 0 ? Buffer.from(TEXT) : random.bytes(60);
      const bytes = whole.subarray(random.below(20), 20 + random.below(30));
      frames.push(...framer.push([data(stream, offsets[stream], bytes)]));
      offsets[stream] += bytes.length;
      expected[stream].push(bytes);
      if (random.below(20) === 0) frames.push(...framer.flush());
    }
    frames.push(...framer.flush());
    for (const stream of ['stdout', 'stderr'] as const)
      expect(bytesOf(frames, stream).equals(Buffer.concat(expected[stream]))).toBe(true);
    expect(framer.position).toEqual(offsets);
  });
});
