import { Standbys, Supervisor } from '../src/index.js';
import type { OpenChannel } from '@app/channel';
import { Bench, START, altered, aRequest, drain, eventually, read } from './harness.js';
import type { Place } from './harness.js';

const ONCE = { program: { script: 'echo once' } };

/** A launcher that waits for the next command does what one with its own connection does. */
export function standbyContract(bench: () => Bench): void {
  const pools: Standbys[] = [];
  let opened = 0;
  afterEach(async () => {
    for (const pool of pools.splice(0)) pool.close();
    await eventually(async () => (await drafts()) === '', 'nothing is left of what waited');
  });

  const pool = (seconds = 60): Standbys => {
    const standbys = new Standbys(seconds);
    pools.push(standbys);
    return standbys;
  };
  /** The bench's place, where a launcher waits after the first start. */
  const place = (): Required<Place> => {
    opened = 0;
    const { open, spoolDir } = bench().place;
    const counted: OpenChannel = (...args) => {
      opened++;
      return open(...args);
    };
    return { open: counted, spoolDir, standbys: pool() };
  };
  /** What waits has its directory here; `sup` has the id of its supervisor. */
  const inDrafts = (script: string): Promise<string> =>
    bench().sh(`for d in '${bench().place.spoolDir ?? '/tmp'}'/rdev/.in.+*; do [ -d "$d" ] && ${script}; done; true`);
  const drafts = (): Promise<string> => inDrafts('echo "$d"');
  /** Waits until one waits, as its supervisor does. */
  const waits = () => eventually(async () => /^\d/.test(await inDrafts('cat "$d/c/sup"')), 'a launcher waits');

  /** Runs a command, and waits until there is something ready for the next. */
  async function ready(changes: readonly (readonly [string, string])[] = []): Promise<Supervisor> {
    const supervisor = altered(place(), changes);
    const attachment = supervisor.run(aRequest(), START);
    await read(attachment);
    await attachment.acknowledge();
    await waits();
    return supervisor;
  }
  /** Repeats a start as a replica does. */
  async function insist(supervisor: Supervisor, request = aRequest(ONCE)): Promise<string> {
    for (;;) {
      const { end, stdout } = await drain(supervisor.run(request, START));
      if (end.kind === 'ended') return stdout.toString();
      expect(end.kind).toBe('dropped');
    }
  }

  it('starts the next command without a channel of its own, and so on', async () => {
    const supervisor = await ready();
    for (let i = 0; i < 3; i++) {
      const before = opened;
      expect(before).toBe(i + 2);
      expect(await insist(supervisor)).toBe('once\n');
      await eventually(() => Promise.resolve(opened === before + 1), 'the next one is opened');
      await waits();
    }
  });

  it('passes on all that belongs to the request', async () => {
    const supervisor = await ready();
    const request = aRequest({
      program: { argv: ['sh', '-c', 'pwd; echo "$A"; cat; echo e >&2; exit 3'] },
      cwd: '/proc',
      env: { A: 'é\n"\'' },
      stdin: { kind: 'text', text: 'x'.repeat(100_000) },
    });
    const { stdout, stderr, end } = await drain(supervisor.run(request, START));
    expect(stdout.toString()).toBe(`/proc\né\n"'\n${'x'.repeat(100_000)}`);
    expect(stderr.toString()).toBe('e\n');
    expect(end).toMatchObject({ kind: 'ended', record: { exitCode: 3 } });
  });

  it('leaves nothing when it is not needed any more', async () => {
    await ready();
    pools.at(-1)!.close();
    await eventually(async () => (await drafts()) === '', 'its directory is gone');
  });

  it('starts a command once, whether one of two that start it waited or both did', async () => {
    const [one, other] = [await ready(), bench().supervisor];
    for (const second of [other, one, await ready()]) {
      const request = aRequest(ONCE);
      const both = await Promise.all([one, second].map((supervisor) => drain(supervisor.run(request, START))));
      expect(both.map(({ opened }) => opened).sort()).toEqual(['started', 'taken']);
      for (const { stdout, end } of both) expect([end.kind, stdout.toString()]).toEqual(['ended', 'once\n']);
      await waits();
    }
  });

  it('starts a command although its launcher died after it had made the claim', async () => {
    const dies: [string, string] = ['claim && echo "$r_id" >&5;', 'claim && exit 1;'.padEnd(26)];
    const supervisor = await ready([dies]);
    const request = aRequest(ONCE);
    expect((await drain(supervisor.run(request, START))).end.kind).toBe('dropped');
    const { opened, stdout, end } = await drain(bench().start(request));
    expect([opened, end.kind, stdout.toString()]).toEqual(['taken', 'ended', 'once\n']);
  });

  it.each([
    ['its launcher is killed', 'p=${d##*.}; kill -9 $p'],
    ['its supervisor is killed', 'read -r p rest <"$d/c/sup"; kill -9 $p'],
    ['its directory is deleted', 'rm -rf "$d"'],
  ])('is replaced when %s', async (_, script) => {
    const supervisor = await ready();
    await inDrafts(script);
    expect(await insist(supervisor)).toBe('once\n');
  });

  it.each([
    ['was stopped', 'kill -STOP $p'],
    ['got a signal', 'kill -USR1 $p'],
  ])('starts a command although its supervisor %s', async (_, script) => {
    const supervisor = await ready();
    const before = opened;
    await inDrafts(`read -r p rest <"$d/c/sup"; ${script}; sleep 0.2`);
    const { end, stdout } = await drain(supervisor.run(aRequest(ONCE), START));
    expect([end.kind, stdout.toString(), before]).toEqual(['ended', 'once\n', 2]);
  });

  it('is left alone when its launcher was stopped', async () => {
    const { open, spoolDir, standbys } = place();
    const supervisor = new Supervisor(open, spoolDir, { standby: standbys.of(''), standbyMs: 500 });
    await drain(supervisor.run(aRequest(), START));
    await waits();
    const launcher = await inDrafts('kill -STOP ${d##*.} && echo ${d##*.}');
    expect(await insist(supervisor)).toBe('once\n');
    await bench().sh(`kill -CONT ${launcher}`);
  });

  it('starts a command in the directory that has the path of the one that it began in', async () => {
    const { open, spoolDir } = place();
    const inside: OpenChannel = (argv, signal) =>
      open(['sh', '-c', 'mkdir -p "$0" && cd "$0" && exec "$@"', `${spoolDir ?? '/tmp'}/own`, ...argv], signal);
    const own = new Bench({ open: inside, spoolDir, standbys: pool() });
    const path = (await own.sh('pwd')).trim();
    await waits();
    await bench().sh(`rm -r '${path}'; mkdir '${path}'`);
    expect(await own.sh('true >here && ls')).toBe('here\n');
  });

  it('keeps the output that is still stored when its supervisor was killed', async () => {
    // In place of a change of the length just before.
    const shortens: [string, string] = ['truncate -s +0', 'truncate -s 00'];
    const request = aRequest({ program: { script: 'echo once; kill -9 $PPID' } });
    const { end } = await drain(altered(place(), [shortens]).run(request, START));
    expect(end.kind).toBe('supervisor-gone');
    expect((await drain(bench().supervisor.attach(request.commandId, START))).stdout.toString()).toBe('once\n');
  });

  it('leaves nothing of a supervisor that was stopped', async () => {
    await ready();
    await inDrafts('read -r p rest <"$d/c/sup"; kill -STOP $p');
    pools.at(-1)!.close();
    await eventually(async () => (await drafts()) === '', 'its directory is gone');
  });

  it('starts nothing when the request is incomplete', async () => {
    const { open, spoolDir } = place();
    let chunks = 0;
    const cut: OpenChannel = async (argv, signal) => {
      const channel = await open(argv, signal);
      const write = channel.stdin.write.bind(channel.stdin) as (chunk: Buffer) => boolean;
      channel.stdin.write = ((chunk: Buffer) => {
        if (!argv.includes('standby') || ++chunks < 2) return write(chunk);
        write(chunk.subarray(0, chunk.length - 3));
        channel.stdin.end();
        setTimeout(() => channel.destroy(), 500).unref();
        return true;
      }) as typeof channel.stdin.write;
      return channel;
    };
    const { supervisor } = new Bench({ open: cut, spoolDir, standbys: pool() });
    await drain(supervisor.run(aRequest(), START));
    await waits();
    const request = aRequest(ONCE);
    expect((await drain(supervisor.run(request, START))).opened).toBeNull();
    expect((await drain(bench().start(request))).opened).toBe('started');
  });
}
