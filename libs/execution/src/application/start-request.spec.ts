import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { aCommand } from '@app/commands/testing';
import { CommandPolicy } from '@app/policy';
import { startRequest } from './start-request.js';

describe('the environment of git', () => {
  const directory = mkdtempSync(join(tmpdir(), 'rdev-owner-'));
  beforeAll(() => execFileSync('git', ['init', '-q', directory]));
  afterAll(() => rmSync(directory, { recursive: true }));

  const environment = (isIsolated: boolean) => {
    const command = aCommand();
    const spec = { ...command.spec, work: { type: 'git' as const, args: ['status'] } };
    return startRequest(command, { spec, environment: {} }, '/workspace', new CommandPolicy(), { isIsolated }).env;
  };
  /** Runs git as on a repository of another user. */
  const status = (env: Readonly<Record<string, string>>) => {
    const all = { PATH: process.env.PATH, HOME: directory, GIT_TEST_ASSUME_DIFFERENT_OWNER: '1', ...env };
    return execFileSync('git', ['status', '--porcelain'], { cwd: directory, env: all, stdio: 'pipe' }).toString();
  };

  it('trusts a workspace regardless of the owner of its root if the pod contains nothing else', () => {
    expect(() => status({})).toThrow(/dubious ownership/);
    expect(status(environment(true))).toBe('');
    expect(() => status(environment(false))).toThrow(/dubious ownership/);
  });

  it("allows git's built-in transports in both", () => {
    for (const isIsolated of [true, false]) {
      const values = Object.values(environment(isIsolated));
      expect(values).toEqual(expect.arrayContaining(['protocol.allow', 'protocol.https.allow']));
    }
  });
});
