import { START, aRequest } from './harness.js';
import type { Bench } from './harness.js';

/** What a developer may pass to `pkill -f`, and what the supervisor's script contains. */
const WORDS =
  'watch|server|node|npm|vite|python|java|main|worker|test|build|start|stop|sleep|kill|while|eval|echo|exit|script|stdin|signal|time';
const OWN_PROGRAMS = /^(dd|tail|cat|sleep|wc|grep)( [^;$]*)?$/;

/** Commands share the process list with their supervisors. */
export function namesContract(bench: () => Bench): void {
  it('shows short names in the list of processes, and nothing of its script', async () => {
    const commandId = await bench().background({
      program: { script: 'echo ready; exec sleep 300' },
      stdin: { kind: 'open' },
    });
    const attachment = bench().supervisor.attach(commandId, START);
    for await (const { data } of attachment.chunks) if (data.includes('ready')) break;
    await bench().supervisor.write(commandId, { data: Buffer.from('x'), offset: 0, eof: false });
    const names = await namesOf(bench(), commandId);
    const own = new RegExp(`^sh -c read -r r_run;\\$r_run rdev (supervise|run|attach) ${commandId}[ \\d]*$`);
    expect(names.filter((name) => name.length > 200 || !(own.test(name) || OWN_PROGRAMS.test(name)))).toEqual([]);
    // The supervisor, a pump for each stream, the feeder. One that has waited for the command does not name it.
    if (bench().place.standbys === undefined)
      expect(names.filter((name) => name.includes(` supervise ${commandId}`)).length).toBeGreaterThanOrEqual(4);
    attachment.close();
    await bench().supervisor.cancel(commandId, 0);
  });

  it('continues when a command kills processes by a word', async () => {
    const other = await bench().background({ program: { script: 'echo ready; exec sleep 300' } });
    const following = bench().follow(other);
    const request = aRequest();
    // As `pkill -f`, but only for processes of the two commands.
    const script = `
      for f in $(grep -lE '${other}|${request.commandId}' /proc/[0-9]*/cmdline); do
        grep -qE '${WORDS}' $f && p=\${f%/*} && kill -KILL \${p#/proc/}
      done 2>/dev/null
      echo after`;
    const { stdout, record } = await bench().run({ ...request, program: { script } });
    expect([stdout.toString(), record.exitCode]).toEqual(['after\n', 0]);
    await bench().supervisor.cancel(other, 0);
    expect((await following).end).toMatchObject({ kind: 'ended', record: { reason: 'cancelled' } });
  });
}

/** The command lines of what names the command in its own, and of what that runs, less the command. */
async function namesOf(bench: Bench, commandId: string): Promise<string[]> {
  const found = await bench.sh(`grep -l '${commandId.replace(/^c/, '[c]')}' /proc/[0-9]*/cmdline 2>/dev/null`);
  const named: string[] = found.match(/\d+/g) ?? [];
  const children = (await bench.sh('cat /proc/[0-9]*/stat 2>/dev/null')).split('\n').flatMap((line) => {
    const pid = line.slice(0, line.indexOf(' '));
    const [parent = '', , session] = line.slice(line.lastIndexOf(')') + 4).split(' ');
    return named.includes(parent) && session !== pid ? [pid] : [];
  });
  const all = [...new Set([...named, ...children])].join(' ');
  const lines = await bench.sh(`for p in ${all}; do tr '\\0' ' ' </proc/$p/cmdline; echo; done 2>/dev/null`);
  return lines.split('\n').flatMap((line) => (line.trim() === '' ? [] : [line.trim()]));
}
