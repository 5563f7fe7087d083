import { execFileSync, spawnSync } from 'node:child_process';
import { readdirSync } from 'node:fs';

const inShellcheck = spawnSync('shellcheck', ['--version']).status === 0 ? it : it.skip;

inShellcheck(
  'shellcheck finds nothing in the scripts of CI',
  () => {
    const files = ['.ci', '.ci/stand-ins']
      .flatMap((dir) => readdirSync(dir, { withFileTypes: true }))
      .filter((entry) => entry.isFile() && !/\.(Dockerfile|yml)$/.test(entry.name))
      .map(({ parentPath, name }) => `${parentPath}/${name}`);
    execFileSync('shellcheck', ['--severity=warning', ...files], { stdio: 'pipe' });
  },
  60_000,
);
