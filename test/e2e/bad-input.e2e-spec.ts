import {
  type ApiProcess,
  type HttpClient,
  createProject,
  eventually,
  expectProblem,
  expectStatus,
  runCommand,
  startApi,
} from '../support/index.js';

const UNKNOWN_COMMAND = 'cmd_01jd4x00000000000000000000';
const UNKNOWN_KEY = 'key_01jd4x00000000000000000000';

describe('bad input', () => {
  let api: ApiProcess;
  let client: HttpClient;
  let project: string;
  let command: string;

  beforeAll(async () => {
    api = await startApi({ env: { RDEV_OUTPUT_LIMIT_MAX_BYTES: '100000000' } });
    client = api.client;
    project = await createProject(client);
    ({ id: command } = await runCommand(client, project, 'echo hello'));
  });
  afterAll(() => api.stop());

  const post = (body: unknown, headers?: Record<string, string>) =>
    client.post(`/v1/projects/${project}/commands`, body, headers);

  const shell = { type: 'shell', script: 'true' };
  const exec = (...argv: unknown[]) => ({ type: 'exec', argv });
  const large = 'x'.repeat(128 * 1024);
  const COMMANDS: [string, unknown, string][] = [
    ['an unknown field', { ...shell, foo: 1 }, '#/foo'],
    ['an unknown field with a slash', { ...shell, 'a/b~c': 1 }, '#/a~1b~0c'],
    ['no type', { script: 'true' }, '#/type'],
    ['an unknown type', { type: 'python', script: 'true' }, '#/type'],
    ['a type that is not a string', { type: 1, script: 'true' }, '#/type'],
    ['no script', { type: 'shell' }, '#/script'],
    ['an empty script', { type: 'shell', script: '' }, '#/script'],
    ['a script that is not a string', { type: 'shell', script: 7 }, '#/script'],
    ['a script that is null', { type: 'shell', script: null }, '#/script'],
    ['NUL in the script', { type: 'shell', script: 'echo \0' }, '#/script'],
    ['a field of another type', { ...shell, argv: ['true'] }, '#/argv'],
    ['a script for git', { type: 'git', args: ['status'], script: 'true' }, '#/script'],
    ['no argv', { type: 'exec' }, '#/argv'],
    ['an empty argv', exec(), '#/argv'],
    ['argv as a string', { type: 'exec', argv: 'ls -l' }, '#/argv'],
    ['an argument that is a number', exec('sleep', 1), '#/argv/1'],
    ['an argument that is null', exec('ls', null), '#/argv/1'],
    ['NUL in an argument', exec('echo', 'a\0b'), '#/argv/1'],
    ['an argument of 128 KiB', exec('echo', large), '#/argv/1'],
    ['an argument of 128 KiB in UTF-8', exec('echo', 'é'.repeat(64 * 1024)), '#/argv/1'],
    ['an empty program', exec(''), '#/argv/0'],
    ['no args', { type: 'git' }, '#/args'],
    ['args as an object', { type: 'git', args: { 0: 'status' } }, '#/args'],
    ['cwd as a number', { ...shell, cwd: 1 }, '#/cwd'],
    ['an empty cwd', { ...shell, cwd: '' }, '#/cwd'],
    ['NUL in cwd', { ...shell, cwd: '/a\0b' }, '#/cwd'],
    ['a container as a number', { ...shell, container: 1 }, '#/container'],
    ['a container name that is invalid in Kubernetes', { ...shell, container: 'Main' }, '#/container'],
    ['a container with a query', { ...shell, container: 'main&command=id' }, '#/container'],
    ['a container name of 64 characters', { ...shell, container: 'x'.repeat(64) }, '#/container'],
    ['a container on the local runtime', { ...shell, container: 'main' }, '#/container'],
    ['env as an array', { ...shell, env: ['A=1'] }, '#/env'],
    ['a variable that is a number', { ...shell, env: { A: 1 } }, '#/env'],
    ['a variable without a name', { ...shell, env: { '': '1' } }, '#/env'],
    ['a name with an equals sign', { ...shell, env: { 'A=B': '1' } }, '#/env'],
    ['NUL in the name of a variable', { ...shell, env: { 'A\0': '1' } }, '#/env'],
    ['NUL in a variable', { ...shell, env: { A: '\0' } }, '#/env'],
    ['a reserved variable', { ...shell, env: { RDEV_COMMAND_ID: 'x' } }, '#/env'],
    ['a variable with a reserved prefix', { ...shell, env: { RDEV_: '' } }, '#/env'],
    ['a variable of 128 KiB', { ...shell, env: { A: large } }, '#/env'],
    ['stdin as a string', { ...shell, stdin: 'hello' }, '#/stdin'],
    ['stdin without text', { ...shell, stdin: {} }, '#/stdin'],
    ['stdin with more than text', { ...shell, stdin: { text: '', more: 1 } }, '#/stdin'],
    ['a timeout of 0', { ...shell, timeoutSeconds: 0 }, '#/timeoutSeconds'],
    ['a negative timeout', { ...shell, timeoutSeconds: -5 }, '#/timeoutSeconds'],
    ['a huge timeout', { ...shell, timeoutSeconds: 1e12 }, '#/timeoutSeconds'],
    ['a timeout with a fraction', { ...shell, timeoutSeconds: 1.5 }, '#/timeoutSeconds'],
    ['a timeout as a string', { ...shell, timeoutSeconds: '5' }, '#/timeoutSeconds'],
    ['a negative silence', { ...shell, noOutputTimeoutSeconds: -1 }, '#/noOutputTimeoutSeconds'],
    ['a huge silence', { ...shell, noOutputTimeoutSeconds: 1e9 }, '#/noOutputTimeoutSeconds'],
    ['a queue timeout of 0', { ...shell, queueTimeoutSeconds: 0 }, '#/queueTimeoutSeconds'],
    ['an unknown priority', { ...shell, priority: 'highest' }, '#/priority'],
    ['an empty lock', { ...shell, lock: '' }, '#/lock'],
    ['a lock with a space', { ...shell, lock: 'a b' }, '#/lock'],
    ['an output limit of 0', { ...shell, maxOutputBytes: 0 }, '#/maxOutputBytes'],
    ['an output limit beyond the operator’s', { ...shell, maxOutputBytes: 100_000_001 }, '#/maxOutputBytes'],
    ['keepBackground as a string', { ...shell, keepBackground: 'yes' }, '#/keepBackground'],
    ['labels as an array', { ...shell, labels: ['a'] }, '#/labels'],
    ['a label that is a number', { ...shell, labels: { a: 1 } }, '#/labels'],
    ['a label name with a space', { ...shell, labels: { 'a b': '' } }, '#/labels'],
    ['NUL in a label', { ...shell, labels: { a: '\0' } }, '#/labels'],
  ];

  it.each(COMMANDS)('is refused in a command: %s', async (_name, body, pointer) => {
    const problem = expectProblem(await post(body), 400, 'INVALID_REQUEST');
    expect(problem.errors).toContainEqual({ pointer, detail: expect.stringMatching(/./) });
    expect(problem.instance).toBe(`/v1/projects/${project}/commands`);
  });

  it('is reported for all invalid fields together', async () => {
    const problem = expectProblem(
      await post({ type: 'shell', script: 1, timeoutSeconds: -1, nonsense: true }),
      400,
      'INVALID_REQUEST',
    );
    expect(problem.errors.map(({ pointer }: { pointer: string }) => pointer).sort()).toEqual([
      '#/nonsense',
      '#/script',
      '#/timeoutSeconds',
    ]);
  });

  it('leaves nothing behind', async () => {
    const { data } = (await client.get(`/v1/commands?projectId=${project}`)).body;
    expect(data.map(({ id }: { id: string }) => id)).toEqual([command]);
  });

  it('does not include null for an optional field, which means the same as leaving it out', async () => {
    const nothing = {
      cwd: null,
      container: null,
      env: null,
      stdin: null,
      timeoutSeconds: null,
      priority: null,
      lock: null,
      labels: null,
      argv: null,
    };
    const { body } = expectStatus(await post({ ...shell, ...nothing }), 202);
    expect(body).toMatchObject({
      cwd: null,
      container: null,
      env: {},
      stdin: 'none',
      timeoutSeconds: 3600,
      priority: 'normal',
      lock: null,
      labels: {},
    });
    const key = { name: 'null', scopes: [], projects: null, allowedIps: null, expiresAt: null };
    expect(expectStatus(await client.post('/v1/keys', key), 201).body).toMatchObject({
      projects: null,
      allowedIps: null,
      expiresAt: null,
    });
  });

  it('cannot change prototypes', async () => {
    const { status, body } = await post('{"type":"shell","script":"true","__proto__":{"cwd":"/","timeoutSeconds":1}}');
    expect([202, 400]).toContain(status);
    if (status === 202) expect(body).toMatchObject({ cwd: null, timeoutSeconds: 3600 });
    expect(expectStatus(await post(shell), 202).body).toMatchObject({ cwd: null, timeoutSeconds: 3600 });
  });

  it('may be a lone surrogate, which is not replaced by something else', async () => {
    const problem = expectProblem(await post('{"type":"shell","script":"true # \\ud800"}'), 400, 'INVALID_REQUEST');
    expect(problem.errors[0].pointer).toBe('#/script');
  });

  it.each([
    ['no JSON', '{"type":', 'application/json'],
    ['a text', '"shell"', 'application/json'],
    ['a number', '1', 'application/json'],
    ['an array', '[]', 'application/json'],
    ['null', 'null', 'application/json'],
    ['nothing', '', 'application/json'],
    ['an empty object', '{}', 'application/json; charset=utf-8'],
    ['an array of commands', '[{"type":"shell","script":"true"}]', 'application/json'],
  ])('is a body that is %s', async (_name, body, type) => {
    expectProblem(await post(body, { 'content-type': type }), 400, 'INVALID_REQUEST');
  });

  it.each([
    'text/plain',
    'application/x-www-form-urlencoded',
    'multipart/form-data; boundary=x',
    'application/xml',
    '',
  ])('is the content type %j', async (type) => {
    expectProblem(await post(JSON.stringify(shell), { 'content-type': type }), 415, 'UNSUPPORTED_MEDIA_TYPE');
  });

  it('is a charset that is not UTF-8, or an encoding that is unknown', async () => {
    expectProblem(
      await post(JSON.stringify(shell), { 'content-type': 'application/json; charset=latin1' }),
      415,
      'UNSUPPORTED_MEDIA_TYPE',
    );
    expectProblem(await post(JSON.stringify(shell), { 'content-encoding': 'zip' }), 415, 'UNSUPPORTED_MEDIA_TYPE');
  });

  it('includes a body over 1 MiB, but not one of 1 MiB', async () => {
    const of = (bytes: number) => {
      const [head, tail] = ['{"type":"shell","script":"true #', '"}'];
      return head + 'x'.repeat(bytes - head.length - tail.length) + tail;
    };
    expectProblem(await post(of(1024 * 1024 + 1)), 413, 'PAYLOAD_TOO_LARGE');
    expectProblem(await post(of(20 * 1024 * 1024)).catch(() => post(of(1024 * 1024 + 1))), 413, 'PAYLOAD_TOO_LARGE');
    expectStatus(await post(of(1024 * 1024)), 202);
  });

  it('does not include maps and lists at their maximum size', async () => {
    const map = (count: number, value: string) =>
      Object.fromEntries(Array.from({ length: count }, (_, i) => [`N${i}`, value]));
    const argv = ['true', ...Array.from({ length: 4_095 }, (_, i) => `${i}${'x'.repeat(60)}`)];
    const body = { ...exec(...argv), env: map(1_000, 'y'.repeat(200)), labels: map(64, 'z'.repeat(256)) };
    expect(expectStatus(await post(body), 202).body).toMatchObject({ argv });
    for (const field of ['env', 'labels', 'argv']) {
      const many = field === 'argv' ? [...argv, 'x'] : map(1_001, '');
      const problem = expectProblem(await post({ ...body, [field]: many }), 400, 'INVALID_REQUEST');
      expect(problem.errors).toEqual([
        { pointer: `#/${field}`, detail: expect.stringMatching(/1000 names|4096 elem/) },
      ]);
    }
  });

  it('creates no command if only a header is invalid', async () => {
    const before = await client.get('/v1/commands');
    expectProblem(await post(shell, { prefer: 'wait=61' }), 400, 'INVALID_REQUEST');
    expect((await client.get('/v1/commands')).body.data[0].id).toBe(before.body.data[0].id);
  });

  it.each(['wait=abc', 'wait=61', 'wait=-1', 'wait=1.5', 'wait=', 'wait=100000'])(
    'is the preference %j',
    async (prefer) => {
      const problem = expectProblem(await post(shell, { prefer }), 400, 'INVALID_REQUEST');
      expect(problem.errors).toEqual([{ pointer: 'Prefer', detail: expect.stringContaining('60') }]);
    },
  );

  it.each([
    ['-c core.sshCommand', ['-c', 'core.sshCommand=id', 'fetch']],
    ['--upload-pack', ['ls-remote', '--upload-pack=id', '.']],
    ['an abbreviation of it', ['ls-remote', '--upload-p', 'id', '.']],
    ['-u of clone', ['clone', '-uid', '/r']],
    ['ext::', ['clone', 'ext::sh -c id']],
    ['--exec-path', ['--exec-path=/tmp', 'status']],
    ['an alias', ['-c', 'alias.x=!id', 'x']],
    ['bisect run', ['bisect', 'run', 'id']],
    ['submodule foreach', ['submodule', 'foreach', 'id']],
    ['config of a pager', ['config', 'core.pager', 'id']],
    ['rebase -x', ['rebase', '-x', 'id', 'HEAD~1']],
    ['grep -O', ['grep', '-Oid', 'x']],
  ])('is an option with which git runs programs: %s', async (_name, args) => {
    expectProblem(await post({ type: 'git', args }), 403, 'COMMAND_REJECTED');
  });

  describe('in the query', () => {
    const of = (path: string) => path.replace(':id', command);

    it.each([
      ['/v1/commands?limit=0', 'limit'],
      ['/v1/commands?limit=201', 'limit'],
      ['/v1/commands?limit=abc', 'limit'],
      ['/v1/commands?limit=-1', 'limit'],
      ['/v1/commands?limit=1.5', 'limit'],
      ['/v1/commands?limit=', 'limit'],
      ['/v1/projects?limit=0', 'limit'],
      ['/v1/keys?limit=201', 'limit'],
      ['/v1/commands?status=done', 'status'],
      ['/v1/commands?type=agent2', 'type'],
      ['/v1/commands?label=a', 'label'],
      ['/v1/commands?since=yesterday', 'since'],
      ['/v1/commands?since=2009-W01-1', 'since'],
      ['/v1/commands?since=0000-01-01T00:00:00Z', 'since'],
      ['/v1/commands?since=2026-02-30T00:00:00Z', 'since'],
      ['/v1/commands?limit=0x10', 'limit'],
      ['/v1/commands?limit=1e1', 'limit'],
      ['/v1/commands?nonsense=1', 'nonsense'],
      ['/v1/projects?status=done', 'status'],
      ['/v1/commands/:id/wait?timeoutSeconds=61', 'timeoutSeconds'],
      ['/v1/commands/:id/wait?timeoutSeconds=-1', 'timeoutSeconds'],
      ['/v1/commands/:id/wait?timeoutSeconds=abc', 'timeoutSeconds'],
      ['/v1/commands/:id/output?stream=stdin', 'stream'],
      ['/v1/commands/:id/output?from=-1', 'from'],
      ['/v1/commands/:id/output?from=abc', 'from'],
      ['/v1/commands/:id/output?from=7', 'from'],
      ['/v1/commands/:id/output?from=1e300', 'from'],
      ['/v1/commands/:id/output?limit=0', 'limit'],
      ['/v1/commands/:id/output?follow=maybe', 'follow'],
      ['/v1/commands/:id/output?follow=true&from=7', 'from'],
      ['/v1/commands/:id/output?view=middle', 'view'],
      ['/v1/commands/:id/output?view=head-tail&maxBytes=1', 'maxBytes'],
    ])('%s', async (path, parameter) => {
      const problem = expectProblem(await client.get(of(path)), 400, 'INVALID_REQUEST');
      expect(problem.errors.map(({ pointer }: { pointer: string }) => pointer.replace('#/', ''))).toEqual([parameter]);
    });

    it('a repeated parameter', async () => {
      for (const path of [
        '/v1/commands?limit=1&limit=2',
        '/v1/commands?projectId=a&projectId=b',
        '/v1/commands/:id/output?from=0&from=1',
      ]) {
        expectProblem(await client.get(of(path)), 400, 'INVALID_REQUEST');
      }
    });

    it('JSON frames beyond their limit', async () => {
      expectProblem(
        await client.get(of('/v1/commands/:id/output?limit=201'), { accept: 'application/json' }),
        400,
        'INVALID_REQUEST',
      );
    });

    const base64 = (key: unknown) => Buffer.from(JSON.stringify(key)).toString('base64url');
    it.each([
      ['/v1/commands', 'x'],
      ['/v1/commands', base64(['a', 'b', 'c'])],
      ['/v1/commands', base64([1])],
      ['/v1/commands', base64({})],
      ['/v1/commands', base64(['\0'])],
      ['/v1/projects', '%%%25'],
      ['/v1/projects', base64(['x', 1])],
      ['/v1/keys', base64([null])],
      ['/v1/keys', base64(['\0'])],
    ])('a cursor of %s that it did not return: %s', async (path, cursor) => {
      expectProblem(await client.get(`${path}?cursor=${encodeURIComponent(cursor)}`), 400, 'INVALID_CURSOR');
    });

    it.each(['x', '1-1-end-end', '99999-0', '0-99999'])(
      'a cursor of frames that was not returned: %s',
      async (cursor) => {
        expectProblem(
          await client.get(`/v1/commands/${command}/output?cursor=${cursor}`, { accept: 'application/json' }),
          400,
          'INVALID_CURSOR',
        );
      },
    );
  });

  describe('returns 404', () => {
    it.each([
      `/v1/commands/${UNKNOWN_COMMAND}`,
      `/v1/commands/${UNKNOWN_COMMAND}/wait?timeoutSeconds=0`,
      `/v1/commands/${UNKNOWN_COMMAND}/events`,
      `/v1/commands/${UNKNOWN_COMMAND}/output`,
      '/v1/commands/42',
      '/v1/commands/cmd_',
      '/v1/commands/cmd_01JD4X00000000000000000000',
      '/v1/commands/key_01jd4x00000000000000000000',
      "/v1/commands/'%20OR%201=1",
      '/v1/commands/%00',
      `/v1/commands/${'x'.repeat(3_000)}`,
      '/v1/projects/nothing',
      '/v1/projects/%00',
      '/v1/projects/..%2F..%2Fetc',
      `/v1/keys/${UNKNOWN_KEY}`,
      '/v1/keys/%00',
      '/v1/nothing',
      '/v2/commands',
      '/v1',
      '/v1/commands/%',
    ])('GET %s', async (path) => {
      const response = await client.get(path);
      // A string that cannot be an id is malformed, or simply unknown.
      const isMalformed = /%(00)?$/.test(path) && response.status === 400;
      expectProblem(response, isMalformed ? 400 : 404, isMalformed ? 'INVALID_REQUEST' : 'NOT_FOUND');
    });

    it('for DELETE and POST of unknown resources', async () => {
      expectProblem(await client.request('DELETE', '/v1/projects/nothing'), 404, 'NOT_FOUND');
      expectProblem(await client.request('DELETE', `/v1/keys/${UNKNOWN_KEY}`), 404, 'NOT_FOUND');
      expectProblem(await client.post('/v1/projects/nothing/commands', shell), 404, 'NOT_FOUND');
      expectProblem(await client.post('/v1/projects/%00/commands', shell), 400, 'INVALID_REQUEST');
    });
  });

  it.each([
    ['PUT', '/v1/projects', 'GET, POST'],
    ['DELETE', '/v1/commands', 'GET'],
    ['POST', '/v1/commands', 'GET'],
    ['PATCH', '/v1/keys', 'GET, POST'],
    ['POST', '/health', 'GET'],
    ['DELETE', '/v1/keys/self', 'DELETE, GET'],
  ])('is the method %s of %s', async (method, path, allow) => {
    const response = await client.request(method, path);
    if (path === '/v1/keys/self') return expectProblem(response, 404, 'NOT_FOUND');
    expectProblem(response, 405, 'METHOD_NOT_ALLOWED');
    expect(response.headers.allow).toBe(allow);
  });

  describe('in projects', () => {
    it.each(['', 'A', 'a_b', '-a', 'a-', 'a.b', 'a/b', '../x', 'ä', 'x'.repeat(41), 1, null, 'a\n'])(
      'refuses the id %j',
      async (id) => {
        const problem = expectProblem(await client.post('/v1/projects', { id }), 400, 'INVALID_REQUEST');
        expect(problem.errors[0].pointer).toBe('#/id');
      },
    );

    it.each([
      ['name', ''],
      ['gitUrl', 'ext::sh -c id'],
      ['gitUrl', '-u./x'],
      ['gitUrl', 'https://h/ x'],
      ['gitRef', '--upload-pack=x'],
      ['gitRef', 'a b'],
      ['env', { RDEV_X: '1' }],
      ['labels', { a: 1 }],
      ['image', 'alpine'],
      ['resources', {}],
      ['storage', '1Gi'],
    ])('refuses %s: %j', async (field, value) => {
      const problem = expectProblem(
        await client.post('/v1/projects', { id: 'refused', [field]: value }),
        400,
        'INVALID_REQUEST',
      );
      expect(problem.errors[0].pointer).toBe(`#/${field}`);
    });

    it('accepts ids of 1 to 40 characters', async () => {
      for (const id of ['a', 'x'.repeat(40), '0-0']) expectStatus(await client.post('/v1/projects', { id }), 201);
    });

    it('refuses an id in use', async () => {
      const problem = expectProblem(await client.post('/v1/projects', { id: project }), 409, 'PROJECT_EXISTS');
      expect(problem).toMatchObject({ projectId: project, retryable: false });
    });

    it('creates one project for many concurrent requests', async () => {
      const answers = await Promise.all(
        Array.from({ length: 8 }, () => client.post('/v1/projects', { id: 'contended' })),
      );
      expect(answers.map(({ status }) => status).sort()).toEqual([201, ...Array.from({ length: 7 }, () => 409)]);
    });

    it('runs nothing in a project that is not running, and reports why it is not', async () => {
      const failing = await createProject(client, { gitUrl: '/there/is/no/such/repository' });
      const { body } = await eventually(async () => {
        const response = await client.get(`/v1/projects/${failing}`);
        return response.body.status === 'failed' && response;
      });
      expect(body.reason).toMatch(/repository/);
      const response = await client.post(`/v1/projects/${failing}/commands`, shell);
      expect(expectProblem(response, 409, 'PROJECT_NOT_RUNNING')).toMatchObject({
        projectId: failing,
        projectStatus: 'failed',
        retryable: true,
      });
      expect((await client.get(`/v1/commands?projectId=${failing}`)).body.data).toEqual([]);
    });
  });

  describe('in keys', () => {
    it.each([
      [{ scopes: [] }, '#/name'],
      [{ name: '', scopes: [] }, '#/name'],
      [{ name: 'x' }, '#/scopes'],
      [{ name: 'x', scopes: 'admin' }, '#/scopes'],
      [{ name: 'x', scopes: ['root'] }, '#/scopes/0'],
      [{ name: 'x', scopes: ['admin', 'admin'] }, '#/scopes'],
      [{ name: 'x', scopes: [], projects: ['A'] }, '#/projects/0'],
      [{ name: 'x', scopes: [], allowedIps: ['10.0.0.0/33'] }, '#/allowedIps/0'],
      [{ name: 'x', scopes: [], allowedIps: ['host'] }, '#/allowedIps/0'],
      [{ name: 'x', scopes: [], expiresAt: 'tomorrow' }, '#/expiresAt'],
      [{ name: 'x', scopes: [], expiresAt: '2999-02-30T00:00:00Z' }, '#/expiresAt'],
      [{ name: 'x', scopes: [], more: 1 }, '#/more'],
      [{ name: 'x\0', scopes: [] }, '#/name'],
    ])('refuses %j', async (body, pointer) => {
      const problem = expectProblem(await client.post('/v1/keys', body), 400, 'INVALID_REQUEST');
      expect(problem.errors.map((error: { pointer: string }) => error.pointer)).toContain(pointer);
    });
  });

  it('never made the API fail', () => {
    expect(api.isRunning).toBe(true);
    expect(api.logs).not.toContain('A request failed');
  });

  it('does not prevent a well-formed request id from being returned', async () => {
    const given = await client.get('/v1/commands/42', { 'x-request-id': 'my-request.1' });
    expect(given.body.requestId).toBe('my-request.1');
    for (const id of ['a b', 'x'.repeat(129), 'é']) {
      const made = await client.get('/v1/commands/42', { 'x-request-id': Buffer.from(id).toString('latin1') });
      expect(made.body.requestId).toMatch(/^req_[0-9a-z]{26}$/);
      expectProblem(made, 404, 'NOT_FOUND');
    }
  });
});
