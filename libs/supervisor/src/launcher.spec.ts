import { execFileSync } from 'node:child_process';
import { resolve } from 'node:path';
import { SUPERVISOR_SCRIPT, launcherArgv } from './launcher.js';

describe('launcher', () => {
  it('needs well under a kilobyte of arguments', () => {
    const argv = launcherArgv(['run', `cmd_${'x'.repeat(26)}`, 1e12, 1e12, 1e6, 1e9, 1e9]);
    expect(argv.join(' ').length).toBeLessThan(400);
  });

  it('sends ASCII, whose characters are its bytes', () => {
    expect(Buffer.byteLength(SUPERVISOR_SCRIPT)).toBe(SUPERVISOR_SCRIPT.length);
    expect(SUPERVISOR_SCRIPT).toMatch(/^[\x09\x0a\x20-\x7e]+$/);
  });

  it('uses no variable that the environment of a command may have', () => {
    const names = [...SUPERVISOR_SCRIPT.matchAll(/(?:^|[\s;(])([A-Za-z_]\w*)=/gm)].map(([, name]) => name);
    const others = new Set(names.filter((name) => !name?.startsWith('r_')));
    // Prefixes of one call, what shells do not import, and operands of dd.
    expect([...others].sort()).toEqual(['CDPATH', 'IFS', 'LC_ALL', 'bs', 'count', 'skip']);
  });

  it('is made from supervisor.sh as it is now', () => {
    const embed = resolve('libs/supervisor/embed.mjs');
    expect(() => execFileSync(process.execPath, [embed, '--check'], { env: {} })).not.toThrow();
  });
});
