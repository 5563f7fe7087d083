/**
 * `npm run test:changed [-- REF]`: runs the unit and integration tests affected by a change: by the differences to the
 * merge base with REF (default: main), uncommitted ones included.
 */
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { build, install, root } from './project.mjs';
import { reachedTests } from './reached.mjs';
import { report } from './report.mjs';
import { runSuites, suiteOf } from './suites.mjs';

const git = (...args) => execFileSync('git', args, { cwd: root, encoding: 'utf8' }).split('\n').filter(Boolean);

const [ref = 'main'] = process.argv.slice(2);
const [base = ''] = git('merge-base', 'HEAD', ref);
const untracked = git('ls-files', '--others', '--exclude-standard');
const changed = [...git('diff', '--name-only', '--no-renames', '--diff-filter=d', base), ...untracked];
const sources = [...git('ls-files', '*.ts'), ...untracked.filter((path) => path.endsWith('.ts'))];
const texts = new Map(sources.map((path) => [path, textOf(path)]));
const tests = reachedTests(changed, texts);
const suites = ['unit', 'integration'].map((name) => [name, tests.filter((path) => suiteOf(path) === name)]);
console.log(
  `${changed.length} changed files, ${suites.map(([name, { length }]) => `${length} ${name}`).join(' and ')} tests`,
);

await install();
const results = [];
for (const [name, paths] of suites) {
  if (paths.length === 0) continue;
  if (name !== 'unit') await build();
  results.push(await runSuites([name], ['--runTestsByPath', ...paths]));
}
report(results);

/** Empty for a file that was removed and is still in the index. */
function textOf(path) {
  try {
    return readFileSync(join(root, path), 'utf8');
  } catch {
    return '';
  }
}
