/**
 * Checks the format of the staged files, and lints those that are code, as they are staged, which may differ from the
 * disk. So the whole index is written into a separate directory, where types are found too.
 */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, realpathSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, sep } from 'node:path';
import { node, root, run, tool } from './project.mjs';

const git = (...args) => execFileSync('git', args, { cwd: root, encoding: 'utf8' });
const staged = git('diff', '--cached', '--name-only', '--diff-filter=ACMR', '-z').split('\0').filter(Boolean);
const code = staged.filter((path) => /\.(ts|mjs|cjs)$/.test(path));

const tree = mkdtempSync(join(realpathSync(tmpdir()), 'rdev-staged-'));
try {
  git('checkout-index', '--all', `--prefix=${tree}${sep}`);
  symlinkSync(join(root, 'node_modules'), join(tree, 'node_modules'));
  const checks = [
    staged.length > 0 && [...tool('prettier'), '--check', '--log-level=warn', '--ignore-unknown', ...staged],
    code.length > 0 && [...tool('eslint'), '--no-warn-ignored', '--quiet', ...code],
  ].filter(Boolean);
  const results = await Promise.all(checks.map((args) => run(node, args, { quiet: true, cwd: tree })));
  for (const { code: failed, output } of results) if (failed !== 0) console.error(output.replaceAll(tree + sep, ''));
  if (results.some(({ code: failed }) => failed !== 0)) {
    console.error('pre-commit: not committed, because of the staged files above; `npm run format` fixes the format');
    process.exitCode = 1;
  }
} finally {
  rmSync(tree, { recursive: true, force: true });
}
