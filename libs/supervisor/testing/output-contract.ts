import { createHash } from 'node:crypto';
import type { Bench } from './harness.js';
import { START, aRequest, read } from './harness.js';

/** The bytes that arrive are exactly the bytes that a command writes. */
export function outputContract(bench: () => Bench): void {
  const limit = (script: string, outputLimitBytes: number) => bench().run({ program: { script }, outputLimitBytes });

  it('gives both streams exactly', async () => {
    const { stdout, stderr, record } = await bench().run({ program: { script: 'echo out; echo err >&2; printf end' } });
    expect([stdout.toString(), stderr.toString()]).toEqual(['out\nend', 'err\n']);
    expect(record).toMatchObject({ produced: { stdout: 7, stderr: 4 }, stored: { stdout: 7, stderr: 4 } });
  });

  it('returns no output for a command without output', async () => {
    const { stdout, stderr, record } = await bench().run();
    expect([stdout.length, stderr.length, record.produced]).toEqual([0, 0, { stdout: 0, stderr: 0 }]);
  });

  it('keeps binary data and UTF-8 as they are', async () => {
    const bytes = Array.from({ length: 256 }, (_, byte) => byte);
    const octal = bytes.map((byte) => `\\${byte.toString(8).padStart(3, '0')}`).join('');
    const { stdout, stderr } = await bench().run({ program: { script: `printf '${octal}'; printf 'grün 🎉 ﷽' >&2` } });
    expect([...stdout]).toEqual(bytes);
    expect(stderr.toString()).toBe('grün 🎉 ﷽');
  });

  it('gives long lines and 50 MB', async () => {
    const script =
      'head -c 1048576 /dev/zero | tr "\\0" x; echo; i=0; while [ $i -lt 50 ]; do head -c 1000000 /dev/zero; i=$((i+1)); done';
    const { stdout, record } = await bench().run({ program: { script } });
    const expected = Buffer.concat([Buffer.alloc(1 << 20, 'x'), Buffer.from('\n'), Buffer.alloc(50_000_000)]);
    expect(record.stored.stdout).toBe(expected.length);
    expect(sha(stdout)).toBe(sha(expected));
  });

  it.each([0, 1, 100, 65_536, 65_537, 100_001])(
    'stores no more than a limit of %i bytes and counts the rest',
    async (bytes) => {
      const { stdout, record } = await limit('head -c 300000 /dev/zero | tr "\\0" y; echo z', bytes);
      expect([stdout.length, record.stored.stdout, record.produced.stdout]).toEqual([bytes, bytes, 300_002]);
      expect(stdout.equals(Buffer.alloc(bytes, 'y'))).toBe(true);
    },
  );

  it('stores everything when the output is exactly the limit', async () => {
    const { stdout, record } = await limit('printf 0123456789', 10);
    expect([stdout.toString(), record.produced.stdout]).toEqual(['0123456789', 10]);
  });

  it('meets the limit with many small writes', async () => {
    const { stdout, record } = await limit('i=0; while [ $i -lt 3000 ]; do echo 12345; i=$((i+1)); done', 10_001);
    expect([stdout.length, record.stored.stdout, record.produced.stdout]).toEqual([10_001, 10_001, 18_000]);
  });

  it('loses nothing when its pump gets SIGUSR1', async () => {
    const ask =
      'for s in /proc/[0-9]*/stat; do read -r p n r q x <$s && [ "$n" = "(dd)" ] && [ "$(cut -d" " -f4 /proc/$q/stat)" = $PPID ] && kill -USR1 $p; done';
    const script = `echo a; sleep 0.1; ${ask}; i=0; while [ $i -lt 300 ]; do echo 1234; [ $((i % 100)) = 0 ] && sleep 0.05; i=$((i+1)); done; echo end`;
    const { stdout, record } = await limit(script, 1_000_000);
    expect(stdout.length).toBe(2 + 1_500 + 4);
    expect(record).toMatchObject({ reason: 'exited', stored: { stdout: 1_506 } });
  });

  it('shows output while the command runs', async () => {
    const attachment = bench().supervisor.run(
      aRequest({ program: { script: 'printf a; read x; printf b' }, stdin: { kind: 'open' } }),
      START,
    );
    const chunks = attachment.chunks[Symbol.asyncIterator]();
    expect((await chunks.next()).value).toMatchObject({ stream: 'stdout', data: Buffer.from('a') });
    attachment.close();
  });

  it('applies back-pressure to the remote side without a reader, and loses nothing', async () => {
    const attachment = bench().supervisor.run(
      aRequest({ program: { script: 'head -c 5000000 /dev/zero; echo end >&2' } }),
      START,
    );
    expect(await attachment.opened).toBe('started');
    const { stdout, stderr, end } = await read(attachment);
    expect([stdout.length, stderr.toString(), end.kind]).toEqual([5_000_000, 'end\n', 'ended']);
    await attachment.acknowledge();
  });
}

function sha(data: Buffer): string {
  return createHash('sha256').update(data).digest('hex');
}
