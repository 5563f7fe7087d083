import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  type ApiProcess,
  createProject,
  eventually,
  expectProblem,
  expectStatus,
  outputOf,
  runCommand,
  startApi,
} from '../support/index.js';

const POLICY = `
rules:
  - { action: deny, programs: [kubectl], reason: Ask the platform team for kubectl. }
  - { action: deny, types: [shell], scripts: ['*forbidden*'] }
  - { action: deny, argv: ['git push *'], reason: Open a pull request. }
`;

describe('a command policy', () => {
  let directory: string;
  let api: ApiProcess;
  let project: string;

  beforeAll(async () => {
    directory = await mkdtemp(join(tmpdir(), 'rdev-policy-'));
    await writeFile(join(directory, 'policy.yaml'), POLICY);
    api = await startApi({ env: { RDEV_POLICY_FILE: join(directory, 'policy.yaml') } });
    project = await createProject(api.client);
  });
  afterAll(async () => {
    await api.stop();
    await rm(directory, { recursive: true, force: true });
  });

  it('applies the rules of the file, and predicts the result in a check', async () => {
    const path = `/v1/projects/${project}/commands`;
    for (const [body, reason] of [
      [{ type: 'exec', argv: ['/opt/bin/kubectl', 'SECRET'] }, 'Ask the platform team for kubectl.'],
      [{ type: 'shell', script: 'true forbidden' }, 'policy of this server'],
      [{ type: 'git', args: ['fetch', '--upload-p', 'SECRET'] }, '--upload-p'],
      [{ type: 'git', args: ['--no-pager', '-C', '.', 'push'] }, 'Open a pull request.'],
      [{ type: 'exec', argv: ['git', '-c', 'alias.x=push', 'x'] }, 'alias.x'],
      [{ type: 'git', args: ['status'], cwd: '.git' }, '"cwd"'],
      [{ type: 'git', args: ['status'], cwd: '/' }, '"cwd"'],
      [{ type: 'git', args: ['fetch'], env: { GIT_SSH_COMMAND: 'SECRET' } }, 'GIT_SSH_COMMAND'],
    ] as const) {
      const problem = expectProblem(await api.client.post(path, body), 403, 'COMMAND_REJECTED');
      expect(problem.detail).toContain(reason);
      const { body: check } = expectStatus(await api.client.post(`${path}/check`, body), 200);
      const { code, detail, retryable } = problem;
      expect(check).toMatchObject({ allowed: false, reasons: [{ code, detail, retryable }] });
    }
    expectProblem(await api.client.post(`${path}/check`, { type: 'shell' }), 400, 'INVALID_REQUEST');
    const { body } = expectStatus(await api.client.post(`${path}/check`, { type: 'shell', script: 'true' }), 200);
    expect(body).toEqual({ allowed: true, reasons: [], queued: 0, queuedMax: 1000, maxOutputBytes: 67_108_864 });
    expect((await api.client.get(`/v1/commands?projectId=${project}`)).body.data).toEqual([]);
    expect((await runCommand(api.client, project, 'true')).status).toBe('succeeded');
    expect(api.logs).not.toContain('SECRET');
  });

  it('treats exec of git like the type git under a rule for git', async () => {
    const run = async (work: Record<string, unknown>, cwd?: string) => {
      const { id, result } = await runCommand(api.client, project, { ...work, ...(cwd !== undefined && { cwd }) });
      return [
        result.exitCode,
        String(await outputOf(api.client, id)),
        String(await outputOf(api.client, id, 'stderr')),
      ];
    };
    const script =
      'git init -q r && cd r && git config core.fsmonitor "touch $PWD/../ran; false" && ln -s .. up && echo x > file && rm -f ../ran';
    expect((await run({ type: 'shell', script }))[0]).toBe(0);
    for (const work of [
      { type: 'git', args: ['add', 'file'] },
      { type: 'exec', argv: ['git', 'add', 'file'] },
    ])
      expect(await run(work, 'r')).toEqual([0, '', '']);
    expect(await run({ type: 'shell', script: 'ls' })).toEqual([0, 'r\n', '']);
    const refused = 'rdev: git is not run: "up/x" leads through a symbolic link\n';
    expect(await run({ type: 'exec', argv: ['git', 'mv', 'file', 'up/x'] }, 'r')).toEqual([126, '', refused]);
    expect((await run({ type: 'git', args: ['init', 'x'] }, 'r/up'))[0]).toBe(126);
    const { result } = await runCommand(api.client, project, { type: 'git', args: ['status'], cwd: 'missing' });
    expect(result).toMatchObject({ reason: 'start_failed' });
  });

  it('that is invalid prevents the start, with the line and the error', async () => {
    const file = join(directory, 'bad.yaml');
    await writeFile(file, 'rules:\n  - action: maybe\n');
    const bad = await startApi({
      env: { RDEV_POLICY_FILE: file },
      databaseUrl: api.databaseUrl,
      waitUntilReady: false,
    });
    try {
      await eventually(() => Promise.resolve(!bad.isRunning), 30_000);
      expect(bad.logs).toContain(`${file}:2: "action" must be allow or deny`);
      expect(bad.logs).not.toMatch(/\bat \S+ \(/);
    } finally {
      await bad.stop();
    }
  });
});
