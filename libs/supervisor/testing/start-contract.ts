import { Supervisor } from '../src/index.js';
import { START, aRequest, altered, drain } from './harness.js';
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

/** What runs is exactly what was requested. */
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
      r_dir: 'mine',
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

  it('runs a script by the program that it names', async () => {
    const cat = '#! /usr/bin/env  cat \n$x\n';
    expect((await bench().run({ program: { script: cat } })).stdout.toString()).toBe(cat);
    expect((await bench().run({ program: { script: '#!/bin/sh -e\nfalse\nexit 3\n' } })).record.exitCode).toBe(1);
    const missing = await bench().run({ program: { script: '#!/no/such/program\nexit 0\n' } });
    expect([missing.record.exitCode, missing.stderr.toString()]).toEqual([127, expect.stringContaining('/no/such')]);
  });

  it('runs a script that was written on Windows', async () => {
    const script = '\ufeff#!/bin/sh\r\nif true; then\r\n  echo "a b"\r\nfi\r\n';
    expect((await bench().run({ program: { script } })).stdout.toString()).toBe('a b\n');
    const mixed = "cat <<'END'\none\r\ntwo\nEND\n";
    expect((await bench().run({ program: { script: mixed } })).stdout.toString()).toBe('one\r\ntwo\n');
  });

  it('gives the script a name that is the same each time', async () => {
    const program = { script: '[ "$1" ] && exit 7; no-such-program; sh "$0" again' };
    const [first, second] = [await bench().run({ program }), await bench().run({ program })];
    expect(first.stderr.toString()).toMatch(/^\/dev\/fd\/9: .*no-such-program.*not found\n/);
    expect([second.stderr.toString(), second.record.exitCode]).toEqual([first.stderr.toString(), 7]);
  });

  it('finds the shell whatever PATH the command is given', async () => {
    const env = { PATH: '/no/such' };
    expect((await bench().run({ program: { script: 'echo "$PATH"' }, env })).stdout.toString()).toBe('/no/such\n');
    expect((await bench().run({ program: { argv: ['no=such'] }, env })).stderr.toString()).toContain('no=such');
  });

  it('starts with no signal ignored, or says that it cannot', async () => {
    const { stdout } = await bench().run({ program: { argv: ['grep', 'SigIgn:', '/proc/self/status'] } });
    const isDefault = /\s0+\n/.test(stdout.toString());
    for (const name of ['INT', 'QUIT'] as const) {
      const id = await bench().background({ program: { script: 'echo ready; exec sleep 300' } });
      expect(await bench().supervisor.signal(id, name)).toBe(isDefault ? 'sent' : 'ignored');
      if (!isDefault) await bench().supervisor.cancel(id, 0);
      expect(await bench().record(id)).toMatchObject({ signal: isDefault ? `SIG${name}` : 'SIGTERM' });
    }
    if (!isDefault) expect(stdout.toString()).toMatch(/\s0+6\n/);
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

  it('takes a directory for nothing but its name', async () => {
    const { open, spoolDir } = bench().place;
    const elsewhere = ['sh', '-c', 'cd / && exec env CDPATH=/usr OLDPWD=/usr HOME=/usr "$@"', 'sh'];
    const other = new Supervisor((argv, signal) => open([...elsewhere, ...argv], signal), spoolDir);
    for (const cwd of ['-', '~', 'share', '-P', 'new\nline']) {
      const { end } = await drain(other.run(aRequest({ cwd }), START));
      const detail = `There is no directory ${cwd.replace('\n', '\\n')} that can be entered.`;
      expect(end).toMatchObject({ record: { reason: 'start_failed', detail } });
    }
    const { stdout } = await drain(other.run(aRequest({ program: { argv: ['pwd'] }, cwd: 'usr/share' }), START));
    expect(stdout.toString()).toBe('/usr/share\n');
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

  it('reports durations and processor time', async () => {
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

  /** A supervisor whose launcher dies after making the claim and before starting anything. */
  const dying = () => {
    const { open, spoolDir } = bench().place;
    return altered({ open, spoolDir }, [['\nclaim || return\nlaunch\n', '\nclaim || return\nexit 1\n']]);
  };

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

  it('starts nothing when the request is incomplete', async () => {
    const { open, spoolDir } = bench().place;
    const request = aRequest({ program: { script: 'echo started' } });
    const cut = new Supervisor(async (argv, signal) => {
      const channel = await open(argv, signal);
      const write = channel.stdin.write.bind(channel.stdin) as (chunk: Buffer) => boolean;
      channel.stdin.write = ((chunk: Buffer) => {
        write(chunk.subarray(0, chunk.length - 3));
        // Not every channel transmits the end of stdin; the end of the channel itself is always noticed.
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
