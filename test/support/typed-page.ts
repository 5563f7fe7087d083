import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type Block, shows } from './markdown-blocks.js';

const BLOCK_SECONDS = 60;

/** A reader sees an HTTP status in what is printed; here it fails the block. */
const PRELUDE = `set -eo pipefail
curl() { command curl --fail-with-body --max-time ${BLOCK_SECONDS} "$@"; }
`;

/**
 * Types blocks of a page into one shell, whose home and directory is `home`, after `settings`.
 * @throws Error if one fails, or prints something else than the page shows
 */
export async function typePage(page: string, blocks: readonly Block[], home: string, settings = ''): Promise<void> {
  await writeFile(join(home, 'page.sh'), [PRELUDE, settings, ...blocks.map(withOutputApart)].join('\n'));
  const code = await runPage(home);
  for (const [index, { line, output }] of blocks.entries()) {
    const printed = await readFile(join(home, `printed.${index}`), 'utf8').catch(() => null);
    const isLast = !existsSync(join(home, `printed.${index + 1}`));
    if (printed === null || (isLast && code !== 0)) throw new Error(`${page}:${line} fails with ${code}:\n${printed}`);
    if (output !== null && !shows(printed, output))
      throw new Error(`${page}:${line} prints\n${printed}\nand not what the page shows:\n${output}`);
    await rm(join(home, `printed.${index}`));
  }
}

/** In the same shell, so that variables stay, with its output in a file of its own. */
const withOutputApart = ({ script }: Block, index: number): string => `{\n${script}\n} >printed.${index} 2>&1`;

const runPage = (home: string): Promise<number | null> =>
  new Promise((resolve, reject) => {
    const child = spawn('bash', ['page.sh'], {
      cwd: home,
      env: { PATH: process.env.PATH, HOME: home },
      stdio: 'ignore',
    });
    child.once('error', reject).once('exit', resolve);
  });
