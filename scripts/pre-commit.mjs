/** Checks the format of the staged files, and lints those that are code. */
import { execFileSync } from 'node:child_process';
import { node, run, tool } from './project.mjs';

const staged = execFileSync('git', ['diff', '--cached', '--name-only', '--diff-filter=ACMR', '-z'], {
  encoding: 'utf8',
})
  .split('\0')
  .filter(Boolean);
const code = staged.filter((path) => /\.(ts|mjs|cjs)$/.test(path));

const cache = ['--cache', '--cache-strategy', 'content', '--cache-location'];
const checks = [
  staged.length > 0 && [...tool('prettier'), '--check', '--log-level=warn', '--ignore-unknown', ...staged],
  code.length > 0 && [
    ...tool('eslint'),
    '--no-warn-ignored',
    '--quiet',
    ...cache,
    'node_modules/.cache/eslint/',
    ...code,
  ],
].filter(Boolean);

const results = await Promise.all(checks.map((args) => run(node, args, { quiet: true })));
for (const { code, output } of results) if (code !== 0) console.error(output);
if (results.some(({ code }) => code !== 0)) {
  console.error('pre-commit: not committed; `npm run format` mends the format');
  process.exitCode = 1;
}
