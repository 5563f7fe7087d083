import { chmodSync, existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PROGRAMS, exercise } from '../testing/programs-contract.js';
import { openLocalChannel } from '@app/channel';
import { Supervisor } from './supervisor.js';

const scratch = mkdtempSync(join(tmpdir(), 'rdev-programs-'));
const SYSTEM = '/usr/bin:/bin';
// The container runtime finds the shell, in the PATH of the container.
const OTHERS = PROGRAMS.filter((name) => name !== 'sh');

afterAll(() => {
  rmSync(scratch, { recursive: true, force: true });
});

describe('Supervisor in a container whose PATH begins with a directory of the project', () => {
  it.each(OTHERS)('does not take %s from there', async (program) => {
    const directory = mkdtempSync(join(scratch, 'tools-'));
    fake(join(directory, program), `:>'${join(directory, 'ran')}'`);
    const open = openLocalChannel({ cwd: '/', env: { PATH: `${directory}:${SYSTEM}` } });
    const { stdout, end } = await exercise(new Supervisor(open, join(scratch, 'spool')), directory);
    expect(stdout.toString()).toBe('ready\ngot it\n');
    expect(end).toMatchObject({ kind: 'ended', record: { reason: 'cancelled', kill: { killVerified: true } } });
    expect(existsSync(join(directory, 'ran'))).toBe(false);
  });
});

function fake(path: string, script: string): void {
  writeFileSync(path, `#!/bin/sh\n${script}\n`);
  chmodSync(path, 0o755);
}
