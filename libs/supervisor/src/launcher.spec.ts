import { SUPERVISOR_SCRIPT } from './remote/index.js';
import { SUPERVISOR_PROGRAM, launcherArgv } from './launcher.js';

describe('launcher', () => {
  it('has short arguments that say what it is, and nothing of what it runs', () => {
    const argv = launcherArgv(['run', 'cmd_x', 1e12, 1e12, 1e6, 1e9, 1e9]);
    expect(argv.slice(0, 6)).toEqual(['sh', '-c', 'read -r r_run;$r_run', 'rdev', 'run', 'cmd_x']);
    expect(argv.join(' ').length).toBeLessThan(100);
  });

  it('is two lines before the script; the first has no pattern that a shell would expand', () => {
    const [first, boot] = SUPERVISOR_PROGRAM.split('\n', 2);
    expect(SUPERVISOR_PROGRAM).toBe(`${first!}\n${boot!}\n${SUPERVISOR_SCRIPT}`);
    expect(first).not.toMatch(/[*?]|\[\S/);
  });

  it('sends ASCII, whose characters are its bytes', () => {
    expect(Buffer.byteLength(SUPERVISOR_SCRIPT)).toBe(SUPERVISOR_SCRIPT.length);
    expect(SUPERVISOR_SCRIPT).toMatch(/^[\x09\x0a\x20-\x7e]+$/);
  });

  it('uses no variable that the environment of a command may have', () => {
    const names = [...SUPERVISOR_SCRIPT.matchAll(/(?:^|[\s;(])([A-Za-z_]\w*)=/gm)].map(([, name]) => name);
    const others = new Set(names.filter((name) => !name?.startsWith('r_')));
    // Prefixes of one call, variables that shells do not import, variables that are only read, and operands of dd.
    expect([...others].sort()).toEqual(['IFS', 'LC_ALL', 'PATH', 'PERL_BADLANG', 'bs', 'count', 'skip']);
  });
});
