/** Which tests a change reaches. */
import { basename, dirname, join } from 'node:path/posix';

const STATEMENT = /^(import|export)\b([^;'"]*?)(?:\bfrom\s*)?'([^']+)'|\bimport\('([^']+)'\)/gm;
const isTest = (path) => /[.-]spec\.ts$/.test(path);
const isDoor = (path) => basename(path) === 'index.ts';
/** `libs/queue`, `apps/api`, `test/support`: what is tested together. */
const unitOf = (path) => path.split('/', 2).join('/');

/**
 * A test is reached if it imports what was changed, through any number of files of the same lib. Beyond the lib, only
 * if it or what it tests imports a changed file by the lib's door: followed further, a change of the kernel would reach
 * everything. What is no module, such as a script or a document, reaches the tests that name it.
 * @param {readonly string[]} changed paths
 * @param {ReadonlyMap<string, string>} texts of all modules, by path
 * @returns {string[]} paths of tests
 */
export function reachedTests(changed, texts) {
  const importers = reverse(texts);
  const near = new Set(changed);
  for (const path of near) for (const by of importers.get(path) ?? []) if (unitOf(by) === unitOf(path)) near.add(by);
  const users = changed.flatMap((path) => [...(importers.get(path) ?? [])]).filter((by) => !near.has(by));
  const testsOfUsers = users.flatMap((path) => [...(importers.get(path) ?? [])]);
  const names = changed.filter((path) => !texts.has(path)).map((path) => basename(path));
  const named = [...texts].filter(([, text]) => names.some((name) => text.includes(name))).map(([path]) => path);
  return [...new Set([...near, ...users, ...testsOfUsers, ...named])].filter((path) => isTest(path) && texts.has(path));
}

/**
 * Who imports a file, be it by a door: that counts as an import of the files that have the names, not of all that it
 * leads to.
 */
function reverse(texts) {
  const importsOf = new Map([...texts].map(([path, text]) => [path, statements(path, text, texts)]));
  const behind = (path, names) =>
    !isDoor(path) || names === null
      ? [path]
      : names.flatMap((name) => {
          const found = importsOf.get(path).find(({ given }) => given?.includes(name));
          return found ? behind(found.path, [found.names[found.given.indexOf(name)]]) : [path];
        });
  const importers = new Map();
  for (const [by, imports] of importsOf) {
    const own = imports.filter(({ given }) => !(isDoor(by) && given));
    for (const path of own.flatMap(({ path, names }) => behind(path, names))) {
      importers.set(path, (importers.get(path) ?? new Set()).add(by));
    }
  }
  return importers;
}

/**
 * What a module imports: from which file, under which names there (null: all), and the names that it exports these
 * under.
 */
function statements(by, text, texts) {
  return [...text.matchAll(STATEMENT)].flatMap(([, word, clause = '', from, lazily]) => {
    const path = resolve(by, from ?? lazily);
    if (!texts.has(path)) return [];
    const list = /\{([^}]*)\}/.exec(clause)?.[1].split(',').map((name) => name.trim().replace(/^type /, '')).filter(Boolean); // prettier-ignore
    const names = list?.map((name) => name.split(' as ')[0]) ?? null;
    return [{ path, names, given: word === 'export' ? list?.map((name) => name.split(' as ').at(-1)) : undefined }];
  });
}

function resolve(by, from) {
  const [, lib, testing] = /^@app\/([^/]+)(\/testing)?$/.exec(from) ?? [];
  if (lib) return `libs/${lib}/${testing ? 'testing' : 'src'}/index.ts`;
  return join(dirname(by), from).replace(/\.js$/, '.ts');
}
