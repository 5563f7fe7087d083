import { setTimeout as delay } from 'node:timers/promises';
import { Supervisor } from '../src/index.js';
import type { Channel } from '@app/channel';
import { FIND_SPOOL, START, aRequest, drain, eventually, read } from './harness.js';
import type { Bench } from './harness.js';

/** A broken connection loses nothing: a client that reattaches gets all of the output. */
export function attachContract(bench: () => Bench): void {
  it('says that an unknown command is absent', async () => {
    const { opened, end } = await bench().follow('cmd_unknown');
    expect([opened, end.kind]).toEqual([null, 'absent']);
  });

  it('gives the same output to a client that runs the same id again', async () => {
    const request = aRequest({ program: { script: 'echo $$; echo err >&2' } });
    const first = await drain(bench().start(request));
    const second = await drain(bench().start(request));
    expect(second.opened).toBe('taken');
    expect([second.stdout, second.stderr, second.end]).toEqual([first.stdout, first.stderr, first.end]);
  });

  it('attaches from every position', async () => {
    const request = aRequest({ program: { script: 'printf 01234; printf abc >&2' } });
    await drain(bench().start(request));
    for (let stdout = 0; stdout <= 5; stdout++) {
      const from = { stdout, stderr: Math.min(stdout, 3) };
      const outcome = await bench().follow(request.commandId, from);
      expect([outcome.stdout.toString(), outcome.stderr.toString()]).toEqual([
        '01234'.slice(stdout),
        'abc'.slice(from.stderr),
      ]);
      expect(outcome.end.kind).toBe('ended');
    }
    const { end } = await bench().follow(request.commandId, { stdout: 6, stderr: 0 });
    expect(end).toEqual({ kind: 'spool-short', spool: { stdout: 5, stderr: 3 } });
  });

  it('continues after a channel broke in mid-stream, without loss or repetition', async () => {
    const script = 'i=0; while [ $i -lt 60 ]; do echo "line $i"; echo "err $i" >&2; i=$((i+1)); sleep 0.02; done';
    const request = aRequest({ program: { script } });
    const whole = { stdout: '', stderr: '' };
    let attachment = bench().start(request);
    let breaks = 0;
    for (;;) {
      for await (const { stream, data } of attachment.chunks) {
        whole[stream] += data.toString();
        if (++breaks % 7 === 0) break;
      }
      const end = await attachment.end;
      if (end.kind === 'ended') break;
      expect(end.kind).toBe('dropped');
      attachment = bench().supervisor.attach(request.commandId, {
        stdout: whole.stdout.length,
        stderr: whole.stderr.length,
      });
    }
    await attachment.acknowledge();
    const lines = (word: string) => Array.from({ length: 60 }, (_, index) => `${word} ${String(index)}\n`).join('');
    expect(whole).toEqual({ stdout: lines('line'), stderr: lines('err') });
    expect(breaks).toBeGreaterThan(7);
  });

  it('calls an exit record unusable when bytes are missing', async () => {
    const { open, spoolDir } = bench().place;
    const request = aRequest({ program: { script: 'echo complete' } });
    const lossy = new Supervisor(async (argv, signal) => swallow(await open(argv, signal)), spoolDir);
    const { end } = await drain(lossy.run(request, START));
    expect(end.kind).toBe('record-unusable');
    expect((await bench().follow(request.commandId)).stdout.toString()).toBe('complete\n');
  });

  it('serves two at the same time', async () => {
    const commandId = await bench().background({ program: { script: 'echo ready; sleep 0.3; echo more' } });
    const outcomes = await Promise.all([bench().follow(commandId), bench().follow(commandId)]);
    expect(outcomes.map(({ stdout }) => stdout.toString())).toEqual(['ready\nmore\n', 'ready\nmore\n']);
  });

  it('shows output while the command runs, also to a later client', async () => {
    const script = 'echo ready; read x; echo "got $x"; exec sleep 30';
    const commandId = await bench().background({ program: { script }, stdin: { kind: 'open' } });
    const attachment = bench().supervisor.attach(commandId, { stdout: 6, stderr: 0 });
    expect(await attachment.opened).toBe('taken');
    await bench().supervisor.write(commandId, { data: Buffer.from('it\n'), offset: 0, eof: false });
    const { value } = await attachment.chunks[Symbol.asyncIterator]().next();
    expect(value).toMatchObject({ stream: 'stdout', data: Buffer.from('got it\n') });
    attachment.close();
    await bench().supervisor.cancel(commandId, 0);
  });

  it('leaves nothing behind when the channel ends, even if the command is silent', async () => {
    const commandId = await bench().background({ program: { script: 'echo ready; exec sleep 30' } });
    const attachment = bench().supervisor.attach(commandId, START);
    await attachment.opened;
    expect(await bench().attached(commandId)).toBeGreaterThan(0);
    attachment.close();
    await eventually(async () => (await bench().attached(commandId)) === 0, 'the attachment is gone');
  });

  it('leaves the supervisor alone when attachments break just when they begin', async () => {
    const { open, spoolDir } = bench().place;
    const hasty = new Supervisor(async (argv, signal) => cutAfterFirstWrite(await open(argv, signal)), spoolDir);
    const running = await bench().background({ program: { script: 'echo ready; exec sleep 300' } });
    for (let i = 0; i < 20; i++) {
      await Promise.all([0, 1, 2].map(() => drain(hasty.attach(running, START))));
    }
    await eventually(async () => (await bench().attached(running)) === 0, 'they are gone');
    const report = await bench().supervisor.cancel(running, 0);
    expect(await bench().record(running)).toMatchObject({ reason: 'cancelled', kill: report });
  });

  it('reports a dead supervisor', async () => {
    const commandId = await bench().background({ program: { script: 'echo ready; exec sleep 30' } });
    const following = bench().follow(commandId);
    await delay(100);
    await bench().sh(`${FIND_SPOOL}; read pid rest <"\${c%/*/c}/${commandId}/c/sup"; kill -9 "$pid"`);
    const { end, stdout } = await following;
    expect([end.kind, stdout.toString()]).toEqual(['supervisor-gone', 'ready\n']);
    expect((await bench().follow(commandId)).end.kind).toBe('supervisor-gone');
    expect(await bench().supervisor.cancel(commandId, 0)).toMatchObject({ killVerified: true, survivors: 0 });
    expect(await bench().processes(commandId)).toEqual([]);
  });

  it('leaves no process of a dead supervisor after the cancellation that follows, or a sweep', async () => {
    const clean = [
      (commandId: string) => bench().supervisor.cancel(commandId, 0),
      async (commandId: string) => {
        await bench().killProcesses(commandId);
        await bench().supervisor.sweep([commandId], 3600);
      },
    ];
    for (const end of clean) {
      const script = 'echo ready; exec sleep 300';
      const commandId = await bench().background({ program: { script }, stdin: { kind: 'open' }, timeoutSeconds: 900 });
      const supervisor = (
        await bench().sh(`${FIND_SPOOL}; read pid rest <"\${c%/*/c}/${commandId}/c/sup"; kill -9 "$pid"; echo "$pid"`)
      ).trim();
      const left = () =>
        bench().sh(`for s in /proc/[0-9]*/stat; do
        read -r pid rest 2>/dev/null <"$s" || continue
        set -- \${rest##*) }
        [ "$4" = ${supervisor} ] && [ "$1" != Z ] && echo "$pid"
      done; true`);
      expect(await left()).not.toBe('');
      await end(commandId);
      await eventually(async () => (await left()) === '', 'its processes are gone');
    }
  });

  const patient = { intervalMs: 200, missesBeforeHeader: 100 };
  const others = (which: string) => `for f in $(grep -l "$RDEV_COMMAND_ID" /proc/[0-9]*/cmdline); do
      p=\${f%/*}; p=\${p#/proc/}
      ! grep -q supervise "$f" && grep -qE '${which}' "$f" && kill -STOP "$p"
    done 2>/dev/null`;

  it('continues what a command has stopped of its attachment', async () => {
    const { open, spoolDir } = bench().place;
    const asking = new Supervisor(open, spoolDir, { pace: { ...patient, misses: 100 } });
    // Only a client that asks notices, and it has not done so yet.
    const script = `echo ready; sleep 0.3; ${others('^tail')}; echo more; echo err >&2; sleep 0.3; exit 3`;
    const { stdout, stderr, end } = await drain(asking.run(aRequest({ program: { script } }), START));
    expect([stdout.toString(), stderr.toString()]).toEqual(['ready\nmore\n', 'err\n']);
    expect(end).toMatchObject({ kind: 'ended', record: { exitCode: 3 } });
  });

  it('is dropped when a command has stopped all of it; the next one gets the rest, and leaves nothing stopped', async () => {
    const { open, spoolDir } = bench().place;
    const asking = new Supervisor(open, spoolDir, { pace: { ...patient, misses: 5 } });
    const request = aRequest({
      program: { script: `echo ready; read x; ${others('')}; echo more; echo err >&2; exit 3` },
      stdin: { kind: 'open' },
    });
    const attachment = asking.run(request, START);
    const following = drain(attachment);
    await attachment.opened;
    // What serves this is stopped too, and continued by the next attachment.
    const writing = bench().supervisor.write(request.commandId, { data: Buffer.from('x\n'), offset: 0, eof: false });
    const first = await following;
    expect(first.end).toMatchObject({
      kind: 'dropped',
      cause: { message: expect.stringContaining('stopped') as string },
    });
    const from = { stdout: first.stdout.length, stderr: first.stderr.length };
    const next = asking.attach(request.commandId, from);
    const rest = await read(next);
    expect(first.stdout.toString() + rest.stdout.toString()).toBe('ready\nmore\n');
    expect(first.stderr.toString() + rest.stderr.toString()).toBe('err\n');
    expect(rest.end).toMatchObject({ kind: 'ended', record: { exitCode: 3 } });
    await next.acknowledge();
    await writing;
    await eventually(async () => (await bench().attached(request.commandId)) === 0, 'nothing is left');
  });

  it('answers between the bytes of a stream without being part of it', async () => {
    const { open, spoolDir } = bench().place;
    const asking = new Supervisor(open, spoolDir, {
      pace: { intervalMs: 1, missesBeforeHeader: 1e6, misses: 1e6 },
    });
    const script = 'i=0; while [ $i -lt 50 ]; do head -c 10000 /dev/zero; sleep 0.01; i=$((i+1)); done; exit 3';
    const { stdout, end } = await drain(asking.run(aRequest({ program: { script } }), START));
    expect(stdout.equals(Buffer.alloc(500_000))).toBe(true);
    expect(end).toMatchObject({ kind: 'ended', record: { exitCode: 3 } });
  });

  it.each([
    ['a directory', 'mkdir "$end"'],
    ['a pipe', 'mkfifo "$end"'],
    ['garbage', 'echo garbage >"$end"'],
    ['nothing', ': >"$end"'],
  ])('takes no exit record from the command: %s in its place', async (_what, forge) => {
    const script = `${FIND_SPOOL}; end=$c/end; ${forge}; echo out; sleep 0.3; exit 5`;
    const { end, stdout } = await drain(bench().start(aRequest({ program: { script } })));
    expect(stdout.toString()).toBe('out\n');
    // Where the supervisor can replace it, there is a record; else it says that there is none.
    if (end.kind === 'ended') expect(end.record.exitCode).toBe(5);
    else expect(end.kind).toBe('supervisor-gone');
  });

  it('removes the spool on acknowledgement, and never starts that command again', async () => {
    const request = aRequest({ program: { script: `${FIND_SPOOL}; echo "\${c%/c}"` } });
    const attachment = bench().start(request);
    const { stdout } = await read(attachment);
    await attachment.acknowledge();
    expect((await bench().sh(`ls '${stdout.toString().trim()}'`)).trim()).toBe('done');
    expect((await drain(bench().start(request))).end.kind).toBe('absent');
  });

  it('sweeps what it is told to, and nothing that runs', async () => {
    const running = await bench().background({ program: { script: 'echo ready; exec sleep 30' } });
    const ended = aRequest();
    const left = aRequest();
    await drain(bench().start(ended));
    await drain(bench().start(left));
    const found = await bench().supervisor.sweep([running, ended.commandId], 3600);
    expect(found).toContain(running);
    expect(found).not.toEqual(expect.arrayContaining([ended.commandId]));
    expect(found).not.toEqual(expect.arrayContaining([left.commandId]));
    expect((await bench().follow(ended.commandId)).end.kind).toBe('absent');
    expect((await bench().follow(left.commandId)).end.kind).toBe('ended');
    await bench().supervisor.cancel(running, 0);
    expect((await bench().follow(running)).end.kind).toBe('ended');
  });
}

/** A channel that loses bytes in the middle of stdout. */
function swallow(channel: Channel): Channel {
  const push = channel.stdout.push.bind(channel.stdout);
  channel.stdout.push = (chunk: Buffer | null) =>
    push(chunk === null ? null : Buffer.from(chunk.toString('latin1').replace('mpl', ''), 'latin1'));
  return channel;
}

/** A channel whose remote side sees the end of the connection right after the request. */
function cutAfterFirstWrite(channel: Channel): Channel {
  const write = channel.stdin.write.bind(channel.stdin) as (data: unknown, done: () => void) => boolean;
  channel.stdin.write = (data: unknown) =>
    write(data, () => {
      channel.destroy();
    });
  return channel;
}
