import { readFile, writeFile } from 'node:fs/promises';
import { describeVariables } from '@app/config';
import { configurationPage } from './configuration-page.js';

/** Writes docs/reference/configuration.md; with `--check` only checks whether the file is up to date. */
async function main(): Promise<void> {
  const file = 'docs/reference/configuration.md';
  const text = configurationPage(describeVariables());
  if (!process.argv.includes('--check')) {
    await writeFile(file, text);
    return;
  }
  const current = await readFile(file, 'utf8').catch(() => '');
  if (current === text) return;
  process.stderr.write(`${file} is out of date. Run: npm run docs:config\n`);
  process.exitCode = 1;
}

void main();
