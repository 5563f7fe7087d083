/**
 * Writes the comments of helm/rdev/values.yaml into the chart's README.md and values.schema.json, and the variables of
 * docs/reference/configuration.md into the schema. With `--check` it only checks that both are up to date.
 */
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { loadYaml } from '@kubernetes/client-node';
import { root } from './project.mjs';

const chart = join(root, 'helm', 'rdev');
const README = join(chart, 'README.md');
const SCHEMA = join(chart, 'values.schema.json');
const BEGIN = '<!-- Written by `npm run docs:chart` from values.yaml. Do not edit what follows. -->';

/** The documented values, `{ path, meaning, value }`: a comment is directly above its key. */
export function describeValues(text) {
  const defaults = loadYaml(text);
  const values = [];
  const parents = [];
  let comment = [];
  for (const line of text.split('\n')) {
    const [, said] = /^ *# ?(.*)$/.exec(line) ?? [];
    const [, indent, key] = /^( *)([A-Za-z]\w*):/.exec(line) ?? [];
    if (said !== undefined) comment.push(said);
    else {
      if (key !== undefined) {
        parents.length = indent.length / 2;
        parents.push(key);
        const value = parents.reduce((object, name) => object?.[name], defaults);
        if (comment.length > 0) values.push({ path: parents.join('.'), meaning: comment.join(' '), value });
      }
      comment = [];
    }
  }
  return values;
}

function table(values) {
  const rows = values.map(({ path, meaning, value }) => [`\`${path}\``, meaning, `\`${JSON.stringify(value)}\``]);
  const cells = [['Value', 'Meaning', 'Default'], ...rows].map((row) => row.map((cell) => cell.replaceAll('|', '\\|')));
  const widths = [0, 1, 2].map((column) => Math.max(...cells.map((row) => row[column].length)));
  const lines = [cells[0], widths.map((width) => '-'.repeat(width)), ...cells.slice(1)];
  return lines.map((row) => `| ${row.map((cell, column) => cell.padEnd(widths[column])).join(' | ')} |`).join('\n');
}

function readme(text, values) {
  const [introduction] = text.split(BEGIN);
  return `${introduction}${BEGIN}\n\n${table(values)}\n`;
}

/** The variables that docs/reference/configuration.md lists: the first column of its table. */
const variables = Array.from(
  (await readFile(join(root, 'docs', 'reference', 'configuration.md'), 'utf8')).matchAll(/^\| `([A-Z][A-Z0-9_]*)` /gm),
  ([, name]) => name,
);

/** The schema with the descriptions of the values and the names allowed in `config`. @throws if it lacks a value */
function schema(text, values) {
  const document = JSON.parse(text);
  for (const { path, meaning } of values) {
    const property = path.split('.').reduce((object, name) => object?.properties?.[name], document);
    if (property === undefined) throw new Error(`values.schema.json has no property ${path}.`);
    property.description = meaning;
  }
  document.properties.config.propertyNames.enum = variables;
  return `${JSON.stringify(document, null, 2)}\n`;
}

const values = describeValues(await readFile(join(chart, 'values.yaml'), 'utf8'));
for (const [file, write] of [
  [README, readme],
  [SCHEMA, schema],
]) {
  const current = await readFile(file, 'utf8');
  const wanted = write(current, values);
  if (wanted === current) continue;
  if (!process.argv.includes('--check')) await writeFile(file, wanted);
  else {
    console.error(`${file} does not match values.yaml. Run: npm run docs:chart`);
    process.exitCode = 1;
  }
}
