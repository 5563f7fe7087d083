import { Supervisor } from '../src/index.js';
import { START, aRequest, drain } from './harness.js';
import type { Bench } from './harness.js';

const ODD = [
  'a b',
  "it's",
  '"quoted"',
  'line\nbreak\n',
  '\n',
  'a=b',
  '-n',
  '--',
  '',
  '$(touch /tmp/rdev-owned)',
  '`id`',
  '\\',
  '\\n',
  '*',
  '~',
  'grün 🎉 \u0080\u0081\u0082\u0088\u00ff',
  ' lead',
  'trail ',
  '\ttab\t',
  '%s',
  '!',
  '#',
  'cancel 1',
  '\x01\x7f\x1b[0m',
];

/** What is asked for is what runs. */
export function startContract(bench: () => Bench): void {
  it('passes arguments as they are', async () => {
    const { stdout } = await bench().run({ program: { argv: ['printf', '[%s]', ...ODD] } });
    expect(stdout.toString()).toBe(ODD.map((arg) => `[${arg}]`).join(''));
  });

  it('passes all of the characters up to U+07FF', async () => {
    const all = Array.from({ length: 0x7ff }, (_, index) => String.fromCodePoint(index + 1)).join('');
    const { stdout } = await bench().run({ program: { argv: ['printf', '%s', all] } });
    expect(stdout.toString()).toBe(all);
  });

  it('passes variables with odd names and values', async () => {
    const env = {
      PLAIN: 'x',
      'odd-name.1': 'o',
      '-dash': 'd',
      'a b': 'blank',
      LINES: 'one\ntwo\n',
      EMPTY: '',
      r_c: 'mine',
      UNI: 'ü',
    };
    const { stdout } = await bench()
      .run({ program: { argv: ['env', '-0'] }, env })
      .catch(() => bench().run({ program: { argv: ['env'] }, env }));
    for (const [name, value] of Object.entries(env)) expect(stdout.toString()).toContain(`${name}=${value}`);
  });

  it('adds only what is asked for to the environment of the launcher', async () => {
    const { stdout } = await bench().run({
      program: { script: 'cat /proc/self/environ | tr "\\0" "\\n"' },
      env: { ADDED: '1' },
    });
    const names = stdout
      .toString()
      .split('\n')
      .map((line) => line.replace(/=.*/, ''));
    expect(names).toEqual(expect.arrayContaining(['ADDED', 'RDEV_COMMAND_ID', 'PATH']));
    expect(names.filter((name) => name.startsWith('r_') || name === 'NODE_OPTIONS')).toEqual([]);
  });

  it('runs a script with anything in it', async () => {
    const script = `x='single "double"'\necho "$x" \\\n \`echo tick\` $((1+2)) "$#"\ncat <<'END'\n$not ü\nEND`;
    const { stdout } = await bench().run({ program: { script } });
    expect(stdout.toString()).toBe('single "double" tick 3 0\n$not ü\n');
  });

  it('runs a program whose name has an equals sign', async () => {
    const { stderr, record } = await bench().run({ program: { argv: ['no=such'] } });
    expect(record.exitCode).toBe(127);
    expect(stderr.toString()).toContain('no=such');
  });

  it('gives an empty stdin unless there is one', async () => {
    expect((await bench().run({ program: { argv: ['cat'] } })).stdout.length).toBe(0);
    const text = `line\n\n${'ü'.repeat(100_000)}no end`;
    const { stdout } = await bench().run({ program: { argv: ['cat'] }, stdin: { kind: 'text', text } });
    expect(stdout.toString()).toBe(text);
  });

  it('runs where it is told to', async () => {
    expect((await bench().run({ program: { argv: ['pwd'] }, cwd: '/usr' })).stdout.toString()).toBe('/usr\n');
    expect((await bench().run({ program: { argv: ['pwd'] }, fallbackCwd: '/usr' })).stdout.toString()).toBe('/usr\n');
    const { record } = await bench().run({ program: { argv: ['pwd'] }, fallbackCwd: '/no/such' });
    expect(record.exitCode).toBe(0);
  });

  it('fails the start when the directory is missing', async () => {
    const { record } = await bench().run({ cwd: '/no/such', fallbackCwd: '/usr' });
    expect(record).toMatchObject({ reason: 'start_failed', exitCode: null, signal: null });
    expect(record.detail).toContain('/no/such');
  });

  it.each([
    ['exit 0', 0],
    ['exit 1', 1],
    ['exit 126', 126],
    ['exit 137', 137],
    ['exit 143', 143],
    ['exit 255', 255],
    ['no-such-program', 127],
  ])('tells the exit code of `%s`', async (script, exitCode) => {
    expect((await bench().run({ program: { script } })).record).toMatchObject({
      reason: 'exited',
      exitCode,
      signal: null,
    });
  });

  it.each(['KILL', 'TERM', 'SEGV', 'PIPE', 'HUP', 'USR1', 'CHLD 0; kill -ABRT'])(
    'tells a death by SIG%s',
    async (name) => {
      const { record } = await bench().run({ program: { script: `kill -${name.replace(' 0', ' $$')} $$` } });
      expect(record).toMatchObject({ reason: 'signaled', exitCode: null, signal: `SIG${name.replace(/.*-/, '')}` });
    },
  );

  it('tells 126 and 127 of arguments without a shell', async () => {
    expect((await bench().run({ program: { argv: ['no-such-program'] } })).record.exitCode).toBe(127);
    expect((await bench().run({ program: { argv: ['/'] } })).record.exitCode).toBe(126);
    expect((await bench().run({ program: { argv: ['/no/such/program'] } })).record.exitCode).toBe(127);
  });

  it('tells durations and processor time', async () => {
    const { record } = await bench().run({
      program: { script: 'i=0; while [ $i -lt 200000 ]; do i=$((i+1)); done; sleep 0.3' },
    });
    expect(record.durationMs).toBeGreaterThanOrEqual(300);
    expect(record.cpuMs).toBeGreaterThanOrEqual(20);
    expect(record.cpuMs).toBeLessThanOrEqual(record.durationMs);
  });

  it('starts a command once, however many ask at a time', async () => {
    const request = aRequest({ program: { script: 'echo once; echo "$0" >&2; sleep 0.2; echo twice' } });
    const attachments = Array.from({ length: 12 }, () => bench().start(request));
    const outcomes = await Promise.all(attachments.map(drain));
    expect(outcomes.map(({ opened }) => opened).sort()).toEqual(['started', ...Array<string>(11).fill('taken')]);
    expect(new Set(outcomes.map(({ stdout, end }) => `${stdout.toString()} ${end.kind}`))).toEqual(
      new Set(['once\ntwice\n ended']),
    );
  });

  /** A supervisor whose launcher dies when it has made the claim, and before it starts anything. */
  const dying = () =>
    new Supervisor(async (argv, signal) => {
      const channel = await bench().place.open(argv, signal);
      const write = channel.stdin.write.bind(channel.stdin) as (chunk: Buffer) => boolean;
      channel.stdin.write = ((chunk: Buffer) =>
        write(
          Buffer.from(chunk.toString('latin1').replace('\nlaunch\nr_how=', '\nexit 1\nr_how='), 'latin1'),
        )) as typeof channel.stdin.write;
      return channel;
    }, bench().place.spoolDir);

  it('starts a command once when its launcher died before it did so, however many attach', async () => {
    const request = aRequest({ program: { script: 'echo once' } });
    expect((await drain(dying().run(request, START))).end.kind).toBe('dropped');
    const again = [drain(bench().start(request)), bench().follow(request.commandId), bench().follow(request.commandId)];
    for (const { stdout, end } of await Promise.all(again)) {
      expect([end.kind, stdout.toString()]).toEqual(['ended', 'once\n']);
    }
  });

  it('never starts what was cancelled before it was started', async () => {
    const request = aRequest({ program: { script: 'echo started' } });
    await drain(dying().run(request, START));
    expect(await bench().supervisor.cancel(request.commandId, 0)).toBeNull();
    const { stdout, end } = await drain(bench().start(request));
    expect([end.kind, stdout.toString()]).toEqual(['supervisor-gone', '']);
  });

  it('starts nothing when the request does not arrive whole', async () => {
    const { open, spoolDir } = bench().place;
    const request = aRequest({ program: { script: 'echo started' } });
    const cut = new Supervisor(async (argv, signal) => {
      const channel = await open(argv, signal);
      const write = channel.stdin.write.bind(channel.stdin) as (chunk: Buffer) => boolean;
      channel.stdin.write = ((chunk: Buffer) => {
        write(chunk.subarray(0, chunk.length - 3));
        // Not every channel brings the end of stdin to the other side; its own end is noticed everywhere.
        channel.stdin.end();
        setTimeout(() => channel.destroy(), 500).unref();
        return true;
      }) as typeof channel.stdin.write;
      return channel;
    }, spoolDir);
    const { opened } = await drain(cut.run(request, START));
    expect(opened).toBeNull();
    expect((await bench().follow(request.commandId)).end.kind).toBe('absent');
    expect((await drain(bench().start(request))).opened).toBe('started');
  });
}
