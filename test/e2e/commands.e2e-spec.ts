import { mkdir, readFile, readdir, readlink } from 'node:fs/promises';
import { join } from 'node:path';
import {
  type ApiProcess,
  type HttpClient,
  createProject,
  ended,
  eventually,
  expectStatus,
  outputOf,
  runCommand,
  startApi,
  startCommand,
  textOf,
} from '../support/index.js';

describe('commands', () => {
  let api: ApiProcess;
  let client: HttpClient;
  let project: string;

  beforeAll(async () => {
    api = await startApi({ env: { LANG: 'C.UTF-8' } });
    client = api.client;
    project = await createProject(client);
  });
  afterAll(() => api.stop());

  const directory = (id = project) => join(api.dataDir, 'projects', id);

  describe('types', () => {
    it('runs a script with sh, as a file', async () => {
      const script =
        'set -- "a  b" "$(printf %s \'c"d\')"\nfor word; do echo "<$word>"; done\ncat <<\'END\'\n$HOME `x`\nEND\n';
      expect(await textOf(client, project, script)).toBe('<a  b>\n<c"d>\n$HOME `x`\n');
    });

    it('runs a script of 200 KB, longer than an argument may be', async () => {
      const script = `${'# a comment, to make it long\n'.repeat(7_000)}echo end`;
      expect(await textOf(client, project, script)).toBe('end\n');
    });

    it('runs exactly the arguments of exec, without a shell', async () => {
      const words = [
        '',
        ' ',
        "it's",
        '"',
        '$HOME',
        '`id`',
        '*',
        '-n',
        '--',
        'a\nb',
        '\\',
        'é€😀',
        '\x01\x7f',
        ';exit 3',
      ];
      expect(await textOf(client, project, { type: 'exec', argv: ['printf', '<%s>', ...words] })).toBe(
        words.map((word) => `<${word}>`).join(''),
      );
    });

    it('runs a program with an equals sign in its name', async () => {
      await textOf(client, project, "printf '#!/bin/sh\\necho ran $1\\n' > 'a=b'; chmod +x 'a=b'");
      expect(await textOf(client, project, { type: 'exec', argv: ['./a=b', 'x'] })).toBe('ran x\n');
    });

    it('runs the largest argument that the kernel accepts', async () => {
      const argument = 'x'.repeat(128 * 1024 - 1);
      const stdout = await textOf(client, project, {
        type: 'exec',
        argv: ['sh', '-c', 'printf %s "$1" | wc -c', 'sh', argument],
      });
      expect(stdout.trim()).toBe(String(argument.length));
    });

    it('runs git with the given arguments', async () => {
      expect(await textOf(client, project, { type: 'git', args: ['--version'] })).toMatch(/^git version /);
      const { status, result } = await runCommand(client, project, {
        type: 'git',
        args: ['rev-parse', '--verify', 'nothing'],
      });
      expect({ status, exitCode: result.exitCode }).toEqual({ status: 'failed', exitCode: 128 });
    });

    it('keeps git from prompting and from paging', async () => {
      await textOf(
        client,
        project,
        'git init -q r; cd r; git -c user.name=n -c user.email=e@e commit -q --allow-empty -m one',
      );
      expect(
        await textOf(client, project, { type: 'git', args: ['log', '--format=%s'], cwd: `${directory()}/r` }),
      ).toBe('one\n');
    });
  });

  describe('environment', () => {
    const unattended = {
      CI: '1',
      TERM: 'dumb',
      PAGER: 'cat',
      GIT_PAGER: 'cat',
      MANPAGER: 'cat',
      SYSTEMD_PAGER: 'cat',
      GIT_TERMINAL_PROMPT: '0',
    };
    const parse = (text: string) =>
      Object.fromEntries(
        text
          .split('\0')
          .filter((entry) => entry !== '')
          .map((entry) => [entry.slice(0, entry.indexOf('=')), entry.slice(entry.indexOf('=') + 1)]),
      );
    const environmentOf = async (command: Record<string, unknown>, id = project) => {
      const { id: commandId, result } = await runCommand(client, id, { type: 'exec', argv: ['env', '-0'], ...command });
      expect(result.exitCode).toBe(0);
      const { RDEV_COMMAND_ID, ...rest } = parse((await outputOf(client, commandId)).toString());
      expect(RDEV_COMMAND_ID).toBe(commandId);
      return rest;
    };
    const inherited = () => ({ PATH: process.env.PATH, HOME: process.env.HOME, LANG: 'C.UTF-8' });

    it("contains nothing of the API's environment", async () => {
      const { PWD, OLDPWD, ...rest } = await environmentOf({});
      expect(rest).toEqual({ ...inherited(), ...unattended, RDEV_PROJECT_ID: project });
      // Shells set these two.
      for (const path of [PWD, OLDPWD]) expect([undefined, directory()]).toContain(path);
    });

    it('shows a script no more than that', async () => {
      const {
        PWD: _,
        OLDPWD: __,
        SHLVL: ___,
        _: ____,
        ...rest
      } = await environmentOf({ type: 'shell', argv: undefined, script: 'exec env -0' });
      expect(rest).toEqual({ ...inherited(), ...unattended, RDEV_PROJECT_ID: project });
    });

    it("leaks none of the API's files or sockets to the command", async () => {
      const stdout = await textOf(client, project, { type: 'exec', argv: ['ls', '-l', '/proc/self/fd'] });
      const targets = [...stdout.matchAll(/ (\d+) -> (.*)$/gm)].filter(([, n]) => Number(n) > 2).map(([, , to]) => to!);
      // Descriptors that this process inherited are passed on to its children; and ls has opened the directory.
      const own = await Promise.all(
        (await readdir('/proc/self/fd')).map((n) => readlink(`/proc/self/fd/${n}`).catch(() => '')),
      );
      expect(targets.filter((to) => !own.includes(to) && !/^\/proc\/\d+\/fd$/.test(to))).toEqual([]);
    });

    it('accepts unusual names, empty values and multiple lines', async () => {
      const env = { 'a b': '1', 'ü.x-y': 'é', EMPTY: '', LINES_: 'a\nb\n', '1': 'digit', QUOTE: `'"$\`\\` };
      expect(await environmentOf({ env })).toMatchObject(env);
    });

    it('gives the request precedence over the project, and the project over the defaults', async () => {
      const own = await createProject(client, { env: { A: 'project', B: 'project', CI: '', PATH: '/usr/bin:/bin' } });
      expect(await environmentOf({ env: { B: 'request' } }, own)).toMatchObject({
        A: 'project',
        B: 'request',
        CI: '',
        PATH: '/usr/bin:/bin',
      });
    });

    it("contains the request's trace context", async () => {
      const traceparent = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01';
      const created = await client.post(
        `/v1/projects/${project}/commands`,
        { type: 'shell', script: 'echo $TRACEPARENT' },
        { traceparent },
      );
      await ended(client, created.body.id);
      expect((await outputOf(client, created.body.id)).toString()).toBe(`${traceparent}\n`);
    });

    it('is never returned with the values of a request', async () => {
      const { id } = await runCommand(client, project, { script: 'true', env: { TOKEN: 'hush-hush' } });
      const { body, text } = await client.get(`/v1/commands/${id}`);
      expect(body.env).toEqual({ TOKEN: '[redacted]' });
      expect(text).not.toContain('hush-hush');
      expect(api.logs).not.toContain('hush-hush');
    });
  });

  describe('stdin', () => {
    it('is /dev/null', async () => {
      expect(await textOf(client, project, 'readlink /proc/self/fd/0; cat; echo end')).toBe('/dev/null\nend\n');
    });

    it.each([
      ['empty', ''],
      ['short', 'one\ntwo'],
      ['long and of all kinds', 'é€😀\u0000\u0001\r\n'.repeat(40_000)],
    ])('is a text: %s', async (_name, text) => {
      const { id, status } = await runCommand(client, project, { script: 'cat', stdin: { text } });
      expect(status).toBe('succeeded');
      expect((await outputOf(client, id)).equals(Buffer.from(text))).toBe(true);
    });

    it('may be left unread', async () => {
      expect(
        (await runCommand(client, project, { script: 'exit 0', stdin: { text: 'x'.repeat(300_000) } })).status,
      ).toBe('succeeded');
    });
  });

  describe('cwd', () => {
    it("is the project's directory", async () => {
      expect(await textOf(client, project, 'pwd')).toBe(`${directory()}\n`);
      expect(await textOf(client, project, { type: 'exec', argv: ['pwd'] })).toBe(`${directory()}\n`);
    });

    it('can be specified, whatever its name', async () => {
      const cwd = join(directory(), "it's a $dir\nwith -é");
      await mkdir(cwd);
      expect(await textOf(client, project, { script: 'pwd', cwd })).toBe(`${cwd}\n`);
    });

    it('is reported if it is missing, and nothing runs', async () => {
      const { status, result } = await runCommand(client, project, {
        script: 'echo ran',
        cwd: `${directory()}/missing`,
      });
      expect({ status, result }).toMatchObject({
        status: 'failed',
        result: {
          reason: 'start_failed',
          exitCode: null,
          signal: null,
          detail: expect.stringContaining('missing'),
          stdoutBytes: 0,
        },
      });
    });
  });

  describe('endings', () => {
    it.each([0, 1, 3, 126, 127, 137, 143, 255])('reports the exit code %d', async (code) => {
      const { status, result } = await runCommand(client, project, `exit ${code}`);
      expect({ status, result }).toMatchObject({
        status: code === 0 ? 'succeeded' : 'failed',
        result: { exitCode: code, signal: null, reason: 'exited', truncated: false },
      });
    });

    it.each(['KILL', 'TERM', 'INT', 'HUP', 'SEGV', 'PIPE', 'ABRT', 'USR1'])(
      'derives SIG%s from an exit code',
      async (name) => {
        const { status, result } = await runCommand(client, project, {
          type: 'exec',
          argv: ['sh', '-c', `kill -${name} $$`],
        });
        expect({ status, result }).toMatchObject({
          status: 'failed',
          result: { exitCode: null, signal: `SIG${name}`, reason: 'signaled' },
        });
      },
    );

    it('is 127 for a missing program, and says which', async () => {
      const { id, status, result } = await runCommand(client, project, {
        type: 'exec',
        argv: ['no-such-program', 'x'],
      });
      expect({ status, result }).toMatchObject({ status: 'failed', result: { exitCode: 127, reason: 'exited' } });
      expect((await outputOf(client, id, 'stderr')).toString()).toContain('no-such-program');
    });

    it('is 126 for a file that cannot be run', async () => {
      const { result } = await runCommand(client, project, 'touch plain; exec ./plain');
      expect(result).toMatchObject({ exitCode: 126, reason: 'exited' });
    });

    it('contains everything the documentation promises', async () => {
      const command = await runCommand(client, project, 'printf out; printf error >&2; sleep 0.2');
      expect(command).toMatchObject({
        id: expect.stringMatching(/^cmd_[0-7][0-9a-hjkmnp-tv-z]{25}$/),
        projectId: project,
        type: 'shell',
        status: 'succeeded',
        timeoutSeconds: 3600,
        noOutputTimeoutSeconds: null,
        maxOutputBytes: 67_108_864,
        keepBackground: false,
        priority: 'normal',
        lock: null,
        labels: {},
        env: {},
        stdin: 'none',
        unreachableSince: null,
        stdoutBytes: 3,
        stderrBytes: 5,
        result: { stdoutBytes: 3, stderrBytes: 5, truncated: false, queueMs: expect.any(Number) },
      });
      expect(command.result.durationMs).toBeGreaterThanOrEqual(190);
      expect(command.result.durationMs).toBeLessThan(5_000);
      const times = [command.createdAt, command.startedAt, command.endedAt];
      for (const time of times) expect(time).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
      expect([...times].sort()).toEqual(times);
    });
  });

  describe('limits', () => {
    it('ends a command at its timeout, with its whole process tree', async () => {
      const script = 'trap "" TERM; (setsid sleep 301 & ); sleep 301 & echo $$; wait; sleep 301';
      const { id, status, result } = await runCommand(client, project, { script, timeoutSeconds: 1 });
      expect({ status, result }).toMatchObject({
        status: 'timed_out',
        result: { reason: 'timed_out', killVerified: true, survivors: 0 },
      });
      expect(await processesOf(id)).toEqual([]);
    });

    it('lets a command end by itself on SIGTERM', async () => {
      const { id, status } = await runCommand(client, project, {
        script: 'trap "echo bye; exit 0" TERM; while :; do sleep 0.1; done',
        timeoutSeconds: 1,
      });
      expect(status).toBe('timed_out');
      expect((await outputOf(client, id)).toString()).toBe('bye\n');
    });

    it('ends a command after the no-output timeout, and not before', async () => {
      const script = 'for i in 1 2 3 4 5; do echo $i; sleep 0.5; done; sleep 300';
      const { id, status, result } = await runCommand(client, project, { script, noOutputTimeoutSeconds: 1 });
      expect({ status, result }).toMatchObject({
        status: 'timed_out',
        result: { reason: 'no_output', killVerified: true },
      });
      expect((await outputOf(client, id)).toString()).toBe('1\n2\n3\n4\n5\n');
    });

    it('kills what the main process leaves behind', async () => {
      const { id, status, result } = await runCommand(
        client,
        project,
        'sleep 302 & setsid sleep 302 & (setsid sleep 302 &); sleep 0.1; exit 0',
      );
      expect({ status, result }).toMatchObject({ status: 'succeeded', result: { leftKilled: expect.any(Number) } });
      expect(result.leftKilled).toBeGreaterThanOrEqual(3);
      expect(await processesOf(id)).toEqual([]);
    });

    it('keeps it running with keepBackground', async () => {
      const { id, status, result } = await runCommand(client, project, {
        script: 'sleep 303 & echo $!',
        keepBackground: true,
      });
      const pid = Number((await outputOf(client, id)).toString());
      try {
        expect({ status, leftKilled: result.leftKilled ?? 0 }).toEqual({ status: 'succeeded', leftKilled: 0 });
        expect(await readFile(`/proc/${pid}/comm`, 'utf8')).toBe('sleep\n');
      } finally {
        process.kill(pid, 'SIGKILL');
      }
    });

    it('keeps the given number of bytes of each stream, and reports what is missing', async () => {
      const script = 'head -c 5000 /dev/zero | tr "\\0" a; head -c 100 /dev/zero | tr "\\0" b >&2; echo more >&2';
      const { id, status, result } = await runCommand(client, project, { script, maxOutputBytes: 1000 });
      expect({ status, result }).toMatchObject({
        status: 'succeeded',
        result: { truncated: true, stdoutBytes: 5000, stderrBytes: 105 },
      });
      const raw = await client.bytes(`/v1/commands/${id}/output`);
      expect(raw.bytes.toString()).toBe('a'.repeat(1000));
      expect(raw.headers).toMatchObject({
        'rdev-next-offset': '5000',
        'rdev-complete': 'true',
        'rdev-missing': '1000-5000',
      });
      expect((await outputOf(client, id, 'stderr')).toString()).toBe(`${'b'.repeat(100)}more\n`);
      const page = await client.get(`/v1/commands/${id}/output`, { accept: 'application/json' });
      expect(page.body.data).toContainEqual({
        type: 'gap',
        stream: 'stdout',
        from: 1000,
        to: 5000,
        reason: 'output_limit',
      });
    });

    it('does not truncate output that fits exactly', async () => {
      const { id, result } = await runCommand(client, project, {
        script: 'head -c 1000 /dev/zero',
        maxOutputBytes: 1000,
      });
      expect(result).toMatchObject({ truncated: false, stdoutBytes: 1000 });
      expect(await outputOf(client, id)).toHaveLength(1000);
    });
  });

  /** Running processes of a command, found by its id in their environment. */
  async function processesOf(id: string): Promise<string[]> {
    const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name));
    const environments = await Promise.all(pids.map((pid) => readFile(`/proc/${pid}/environ`, 'utf8').catch(() => '')));
    return pids.filter((_pid, index) => environments[index]?.includes(`RDEV_COMMAND_ID=${id}`));
  }

  describe('order', () => {
    it('runs commands with the same lock one at a time, and others in parallel', async () => {
      const own = await createProject(client);
      const script = 'mkdir held || { echo overlap; exit 9; }; sleep 0.2; rmdir held';
      const locked = await Promise.all(
        [1, 2, 3].map(() => startCommand(client, own, { script, lock: 'deploy/a.b-c' })),
      );
      const free = await startCommand(client, own, {
        script: 'until [ -d held ]; do sleep 0.01; done',
        timeoutSeconds: 10,
      });
      for (const { id } of [...locked, free]) expect((await ended(client, id)).status).toBe('succeeded');
    });

    it('starts higher priorities first', async () => {
      const own = await createProject(client);
      const first = await startCommand(client, own, { script: 'until [ -e go ]; do sleep 0.02; done', lock: 'one' });
      await eventually(async () => (await client.get(`/v1/commands/${first.id}`)).body.status === 'running');
      const waiting = [];
      for (const priority of ['low', 'normal', 'urgent', 'high']) {
        waiting.push(await startCommand(client, own, { script: `echo ${priority} >> order`, priority, lock: 'one' }));
      }
      expect((await client.get(`/v1/commands?projectId=${own}&status=queued`)).body.data).toHaveLength(4);
      await textOf(client, own, 'touch go');
      for (const { id } of waiting) await ended(client, id);
      expect(await textOf(client, own, 'cat order')).toBe('urgent\nhigh\nnormal\nlow\n');
    });

    it('runs five commands of a project in parallel, and the sixth after one of them', async () => {
      const own = await createProject(client);
      const running = await Promise.all(
        Array.from({ length: 5 }, () => startCommand(client, own, 'until [ -e go ]; do sleep 0.02; done')),
      );
      await eventually(
        async () => (await client.get(`/v1/commands?projectId=${own}&status=running`)).body.data.length === 5,
      );
      const sixth = await startCommand(client, own, 'echo done');
      expect((await client.get(`/v1/commands/${sixth.id}/wait?timeoutSeconds=1`)).body.status).toBe('queued');
      await mkdir(join(directory(own), 'go'));
      for (const { id } of [...running, sixth]) expect((await ended(client, id)).status).toBe('succeeded');
    });

    it('expires commands that wait longer than queueTimeoutSeconds', async () => {
      const own = await createProject(client);
      const first = await startCommand(client, own, { script: 'until [ -e go ]; do sleep 0.02; done', lock: 'one' });
      const second = await startCommand(client, own, { script: 'touch ran', lock: 'one', queueTimeoutSeconds: 1 });
      expect(await ended(client, second.id)).toMatchObject({
        status: 'expired',
        startedAt: null,
        result: { reason: 'expired_in_queue', exitCode: null },
      });
      await mkdir(join(directory(own), 'go'));
      await ended(client, first.id);
      expect(await readdir(directory(own))).toEqual(['go']);
    });
  });

  describe('creating', () => {
    it('responds 202 with the command and its place', async () => {
      const { status, headers, body } = await client.post(`/v1/projects/${project}/commands`, {
        type: 'shell',
        script: 'true',
        labels: { team: 'a' },
      });
      expect({ status, location: headers.location }).toEqual({ status: 202, location: `/v1/commands/${body.id}` });
      expect(body).toMatchObject({
        projectId: project,
        type: 'shell',
        script: 'true',
        labels: { team: 'a' },
        result: null,
      });
      expect(headers['preference-applied']).toBeUndefined();
      expect((await client.get(String(headers.location))).body.id).toBe(body.id);
    });

    it('responds 200 with the ended command if Prefer: wait is long enough, and says if it was shortened', async () => {
      const { status, headers, body } = await client.post(
        `/v1/projects/${project}/commands`,
        { type: 'shell', script: 'sleep 0.1; exit 3' },
        { prefer: 'respond-async, wait=60' },
      );
      expect({ status, applied: headers['preference-applied'], location: headers.location }).toEqual({
        status: 200,
        applied: 'wait=45',
        location: `/v1/commands/${body.id}`,
      });
      expect(body).toMatchObject({ status: 'failed', result: { exitCode: 3 } });
    });

    it.each([0, 1])('responds 202 if the command does not end within wait=%d', async (seconds) => {
      const since = performance.now();
      const { status, headers, body } = await client.post(
        `/v1/projects/${project}/commands`,
        { type: 'shell', script: 'sleep 2' },
        { prefer: `wait=${seconds}` },
      );
      expect(performance.now() - since).toBeLessThan(1_900);
      expect({ status, applied: headers['preference-applied'] }).toEqual({ status: 202, applied: `wait=${seconds}` });
      expect(body.result).toBeNull();
      await ended(client, body.id);
    });
  });

  describe('waiting', () => {
    it('returns as soon as the command ends', async () => {
      const { id } = await startCommand(client, project, 'sleep 0.5');
      const since = performance.now();
      const { body } = expectStatus(await client.get(`/v1/commands/${id}/wait`), 200);
      expect(body.status).toBe('succeeded');
      expect(performance.now() - since).toBeLessThan(5_000);
    });

    it("returns the command's current state after the timeout", async () => {
      const { id } = await startCommand(client, project, 'sleep 3');
      expect((await client.get(`/v1/commands/${id}/wait?timeoutSeconds=0`)).body.result).toBeNull();
      const since = performance.now();
      expect((await client.get(`/v1/commands/${id}/wait?timeoutSeconds=1`)).body.status).toBe('running');
      expect(performance.now() - since).toBeGreaterThan(950);
      await ended(client, id);
    });
  });

  describe('lists', () => {
    let own: string;
    const made: string[] = [];
    const list = async (query: string) => (await client.get(`/v1/commands?projectId=${own}${query}`)).body;
    const ids = async (query: string) => (await list(query)).data.map(({ id }: { id: string }) => id);

    beforeAll(async () => {
      own = await createProject(client);
      for (const command of [
        { script: 'true', labels: { team: 'a', tier: '1' } },
        { script: 'exit 1', labels: { team: 'a' } },
        { type: 'exec', argv: ['true'], labels: { team: 'b=c' } },
        { type: 'git', args: ['version'] },
        { script: 'true' },
      ]) {
        made.push((await runCommand(client, own, command)).id);
      }
    });
    const nth = (...indexes: number[]) => indexes.map((index) => made[index]);

    it('are newest first', async () => {
      expect(await ids('')).toEqual([...made].reverse());
      expect((await list('')).nextCursor).toBeNull();
    });

    it('are paged without duplicates or omissions, also while commands are added', async () => {
      const seen: string[] = [];
      let cursor: string | null = '';
      let pages = 0;
      do {
        const { data, nextCursor }: any = await list(
          `&limit=2${cursor ? `&cursor=${encodeURIComponent(cursor)}` : ''}`,
        );
        seen.push(...data.map(({ id }: { id: string }) => id));
        cursor = nextCursor;
        pages += 1;
        if (pages === 1) await runCommand(client, own, { script: 'true', labels: { late: '1' } });
      } while (cursor !== null);
      expect(seen).toEqual([...made].reverse());
      expect(pages).toBe(3);
    });

    it('are filtered by type, status, label, key and time', async () => {
      expect(await ids('&type=exec')).toEqual(nth(2));
      expect(await ids('&type=git&status=succeeded')).toEqual(nth(3));
      expect(await ids('&status=failed')).toEqual(nth(1));
      expect(await ids('&status=failed,lost&status=timed_out')).toEqual(nth(1));
      expect(await ids('&label=team=a')).toEqual(nth(1, 0));
      expect(await ids('&label=team=a&label=tier=1')).toEqual(nth(0));
      expect(await ids('&label=team=b=c')).toEqual(nth(2));
      expect(await ids('&label=team=nobody')).toEqual([]);
      const { keyId, endedAt } = (await client.get(`/v1/commands/${made[2]}`)).body;
      expect(await ids(`&keyId=${keyId}&label=team=a`)).toEqual(nth(1, 0));
      expect(await ids('&keyId=key_01jd4x00000000000000000000')).toEqual([]);
      const recent = await ids(`&since=${endedAt}`);
      expect(recent).toEqual(expect.arrayContaining(nth(3, 4)));
      expect(recent).not.toContain(made[2]);
    });
  });
});
