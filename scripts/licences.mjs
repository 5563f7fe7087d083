/** The licences of the packages in the bundle: each requires that its text is distributed with the code. */
import { readFile, readdir } from 'node:fs/promises';
import { join } from 'node:path';

const PACKAGE = /^.*[\\/]node_modules[\\/](?:@[^\\/]+[\\/])?[^\\/]+/;

/** @param {readonly string[]} paths of files in node_modules; other files are ours and are ignored */
export async function licencesOf(paths) {
  const dirs = [...new Set(paths.map((path) => PACKAGE.exec(path)?.[0]).filter(Boolean))];
  const texts = await Promise.all(dirs.map(licenceOf));
  return `${[...new Set(texts)].sort().join(`\n\n${'-'.repeat(80)}\n\n`)}\n`;
}

async function licenceOf(dir) {
  const { name, version, license } = JSON.parse(await readFile(join(dir, 'package.json'), 'utf8'));
  const files = (await readdir(dir))
    .filter((file) => /^(licen[cs]e|notice|copying)|\.LICENSE\.txt$/i.test(file))
    .sort();
  const texts = await Promise.all(files.map((file) => readFile(join(dir, file), 'utf8')));
  return [`${name} ${version}: ${license}`, ...texts.map((text) => text.trim())].join('\n\n');
}
