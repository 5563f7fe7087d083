import type { StdinOutcome, StdinPiece } from '../src/index.js';
import { STOP_SUPERVISOR, STOP_SUPERVISOR_AT_ONCE, aRequest, eventually } from './harness.js';
import type { Bench } from './harness.js';

const OPEN = { stdin: { kind: 'open' } } as const;
const KIB = 1024;

/** What is written to an open stdin arrives: all of it, in order, once. */
export function stdinContract(bench: () => Bench): void {
  const put = (id: string, text: string | Buffer, more: Partial<StdinPiece> = {}): Promise<StdinOutcome | null> =>
    bench().supervisor.write(id, { data: Buffer.from(text as string), offset: null, eof: false, ...more });
  const start = (script: string): Promise<string> =>
    bench().background({ ...OPEN, program: { script: `echo ready; ${script}` } });
  const outputOf = async (id: string): Promise<string> =>
    (await bench().follow(id)).stdout.toString().replace('ready\n', '');

  it('gives pieces in order, and the end', async () => {
    const id = await start('cat');
    expect(await put(id, 'one ')).toEqual({ kind: 'accepted', offset: 4 });
    expect(await put(id, 'zwei 🎉', { offset: 4 })).toEqual({ kind: 'accepted', offset: 13 });
    expect(await put(id, '\n', { eof: true })).toEqual({ kind: 'accepted', offset: 14 });
    expect(await outputOf(id)).toBe('one zwei 🎉\n');
    expect(await put(id, 'late')).toBeNull();
  });

  it('gives a piece to a command that waits for it', async () => {
    const id = await start('read -r line; echo "got $line"');
    await put(id, 'this\n');
    expect(await outputOf(id)).toBe('got this\n');
  });

  it('gives the end alone, and tells the offset without giving anything', async () => {
    const id = await start('cat; echo over');
    expect(await put(id, '')).toEqual({ kind: 'accepted', offset: 0 });
    expect(await put(id, '', { eof: true })).toEqual({ kind: 'accepted', offset: 0 });
    expect(await outputOf(id)).toBe('over\n');
  });

  it('keeps bytes as they are', async () => {
    const bytes = Buffer.from(Array.from({ length: 70_000 }, (_, index) => (index * 7 + (index >> 8)) & 255));
    const id = await start('cat');
    await put(id, bytes, { eof: true });
    const { stdout } = await bench().follow(id);
    expect(stdout.subarray('ready\n'.length).equals(bytes)).toBe(true);
  });

  it('takes a repeated piece once, and none that does not join on', async () => {
    const id = await start('cat');
    expect(await put(id, 'abc', { offset: 0 })).toEqual({ kind: 'accepted', offset: 3 });
    for (const offset of [0, 1, 4, 99]) {
      expect(await put(id, 'abc', { offset, eof: true })).toEqual({ kind: 'offset', offset: 3 });
    }
    await put(id, '', { eof: true });
    expect(await outputOf(id)).toBe('abc');
  });

  it('puts each of many pieces once when they come at the same time', async () => {
    const id = await start('cat');
    const pieces = Array.from({ length: 8 }, (_, index) => `<${String(index)}>`);
    const repeated = await Promise.all([
      ...pieces.map((piece) => put(id, piece)),
      ...pieces.map((piece) => put(id, piece)),
    ]);
    expect(repeated.map((outcome) => outcome?.offset).sort((a, b) => a! - b!)).toEqual(
      Array.from({ length: 16 }, (_, index) => 3 * (index + 1)),
    );
    const claims = await Promise.all(pieces.map((piece) => put(id, piece, { offset: 48 })));
    expect(claims.filter((outcome) => outcome?.kind === 'accepted')).toHaveLength(1);
    await put(id, '', { eof: true });
    const arrived = (await outputOf(id)).match(/<\d>/g)!;
    expect(arrived).toHaveLength(17);
    expect(arrived.slice(0, 16).sort()).toEqual([...pieces, ...pieces].sort());
  });

  it('refuses what comes after the end, for a stdin that is not open, and once nobody reads', async () => {
    const ended = await start('cat; sleep 60');
    await put(ended, 'x', { eof: true });
    expect(await put(ended, 'y')).toEqual({ kind: 'closed', offset: 1 });
    expect(await put(ended, '', { eof: true })).toEqual({ kind: 'closed', offset: 1 });
    const none = await bench().background({ program: { script: 'echo ready; sleep 60' } });
    expect(await put(none, 'x')).toEqual({ kind: 'closed', offset: 0 });
    const deaf = await start('exec <&-; sleep 60');
    await eventually(async () => (await put(deaf, 'x'))?.kind === 'closed', 'the pipe is closed');
    await Promise.all([ended, none, deaf].map((id) => bench().supervisor.cancel(id, 0)));
  });

  it('holds no more than 1 MiB for a command that does not read, and loses none of it', async () => {
    const id = await start('trap go=1 USR1; while [ ! "$go" ]; do sleep 0.05; done; cat | wc -c');
    const piece = Buffer.alloc(256 * KIB, 'x');
    let offset = 0;
    for (let i = 0; i < 20; i++) {
      const outcome = (await put(id, piece))!;
      offset = outcome.offset;
      if (outcome.kind === 'full') break;
      expect(outcome.kind).toBe('accepted');
    }
    expect(offset).toBeGreaterThanOrEqual(1024 * KIB);
    expect(offset).toBeLessThanOrEqual((1024 + 256) * KIB);
    await bench().supervisor.signal(id, 'USR1');
    await eventually(async () => (await put(id, 'end', { eof: true }))?.kind === 'accepted', 'there is room');
    expect((await outputOf(id)).trim()).toBe(String(offset + 3));
  });

  it('is given to a command that has stopped what gives it', async () => {
    const id = await start(`${STOP_SUPERVISOR}; cat`);
    await bench().stopped(id);
    expect(await put(id, 'x', { eof: true })).toEqual({ kind: 'accepted', offset: 1 });
    expect(await outputOf(id)).toBe('x');
  });

  it('is given to a command that stops its supervisor before that has noted the main process', async () => {
    const request = aRequest({ ...OPEN, program: { script: `${STOP_SUPERVISOR_AT_ONCE}; cat` } });
    const { opened } = bench().startSlowly(request);
    await opened;
    await bench().stopped(request.commandId);
    expect(await put(request.commandId, 'x', { eof: true })).toEqual({ kind: 'accepted', offset: 1 });
    expect(await outputOf(request.commandId)).toBe('x');
  });

  it('is cancelled while it waits for more, and leaves nothing behind', async () => {
    const id = await start('cat');
    await put(id, 'x');
    await bench().supervisor.cancel(id, 5);
    expect(await bench().record(id)).toMatchObject({ reason: 'cancelled', signal: 'SIGTERM' });
    expect(await bench().processes(id)).toEqual([]);
  });

  it('ends though it has read nothing of what was put', async () => {
    const request = aRequest({ ...OPEN, program: { script: 'echo ready; read -r line; echo "$line"' } });
    const id = await bench().background(request);
    await put(id, `first\n${'x'.repeat(200 * KIB)}`);
    expect(await outputOf(id)).toBe('first\n');
  });

  it('reports an absent command', async () => {
    expect(await put(aRequest().commandId, 'x')).toBeNull();
  });
}
