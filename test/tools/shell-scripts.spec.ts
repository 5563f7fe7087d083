import { execFileSync, spawnSync } from 'node:child_process';
import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';

const SECONDS = 60;
const inShellcheck = spawnSync('shellcheck', ['--version']).status === 0 ? it : it.skip;

/** What is meant so in the supervisor, whose every byte is sent to each pod. */
const MEANT = [
  'SC1007', // r_out_job= r_err_job= empties both.
  'SC2015', // a && b || c, where b cannot fail.
  'SC2030', // A variable that is set in a subshell for that subshell.
  'SC2031',
  'SC2086', // Numbers, and lists of process ids that are to be split.
  'SC2094', // FIFOs, and files that are filled in place.
  'SC2317', // Functions that are called by the name in an argument.
  'SC3040', // What only bash has, and is only run there.
  'SC3045', // Options of ulimit and read that may fail.
];

const check = (args: readonly string[], input?: string): string =>
  execFileSync('shellcheck', args, { input, encoding: 'utf8', stdio: 'pipe' });

inShellcheck(
  'shellcheck finds nothing in the scripts of CI',
  () => {
    const files = ['.ci', '.ci/stand-ins']
      .flatMap((dir) => readdirSync(dir, { withFileTypes: true }))
      .filter((entry) => entry.isFile() && !/\.(Dockerfile|yml)$/.test(entry.name))
      .map(({ parentPath, name }) => `${parentPath}/${name}`);
    check(['--severity=warning', ...files]);
  },
  SECONDS * 1_000,
);

inShellcheck(
  'shellcheck finds nothing in the supervisor',
  () => {
    const dir = 'libs/supervisor/src/remote';
    const [, names = ''] = /PARTS = \[(.*?)\]/s.exec(readFileSync(join(dir, 'index.ts'), 'utf8')) ?? [];
    const parts = names.split(', ').map((name) => readFileSync(join(dir, `${name}.sh`), 'utf8'));
    expect(parts).toHaveLength(readdirSync(dir).filter((name) => name.endsWith('.sh')).length);
    check(['--shell=sh', `--exclude=${MEANT.join()}`, '-'], parts.join('\n'));
  },
  SECONDS * 1_000,
);
