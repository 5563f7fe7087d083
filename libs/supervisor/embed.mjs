/** Writes src/supervisor-script.ts from src/supervisor.sh, without comments; with --check only says whether it is up to date. */
import { readFileSync, writeFileSync } from 'node:fs';

const source = new URL('src/supervisor.sh', import.meta.url);
const target = new URL('src/supervisor-script.ts', import.meta.url);

const lines = readFileSync(source, 'utf8')
  .split('\n')
  .map((line) => line.trimStart())
  .filter((line) => line !== '' && !line.startsWith('#'));
const literals = lines.map((line) => `  ${quote(line)},`);
const text = `// Made from supervisor.sh by embed.mjs; change that file and run \`node libs/supervisor/embed.mjs\`.

/** What runs where the commands run: ASCII, POSIX sh. */
export const SUPERVISOR_SCRIPT = [
${literals.join('\n')}
  '',
].join('\\n');
`;

if (process.argv[2] === '--check') {
  process.exitCode = readFileSync(target, 'utf8') === text ? 0 : 1;
} else {
  writeFileSync(target, text);
}

/** As Prettier quotes: single quotes unless there are more of them than of double ones. */
function quote(line) {
  const singles = line.split("'").length;
  const doubles = line.split('"').length;
  const escaped = line.replaceAll('\\', '\\\\');
  return singles > doubles ? `"${escaped.replaceAll('"', '\\"')}"` : `'${escaped.replaceAll("'", "\\'")}'`;
}
