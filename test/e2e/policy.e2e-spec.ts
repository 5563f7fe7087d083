import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  type ApiProcess,
  createProject,
  eventually,
  expectProblem,
  expectStatus,
  runCommand,
  startApi,
} from '../support/index.js';

const POLICY = `
rules:
  - { action: deny, programs: [kubectl], reason: Ask the platform team for kubectl. }
  - { action: deny, types: [shell], scripts: ['*forbidden*'] }
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

  it('refuses by the rules of the file, and says so beforehand', async () => {
    const path = `/v1/projects/${project}/commands`;
    for (const [body, reason] of [
      [{ type: 'exec', argv: ['/opt/bin/kubectl', 'SECRET'] }, 'Ask the platform team for kubectl.'],
      [{ type: 'shell', script: 'true forbidden' }, 'policy of this server'],
      [{ type: 'git', args: ['fetch', '--upload-p', 'SECRET'] }, '--upload-pack'],
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

  it('that is not valid stops the start, and says where and why', async () => {
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
