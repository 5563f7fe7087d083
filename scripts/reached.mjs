/** Finds the tests that a change reaches. */
import { basename, dirname, join } from 'node:path/posix';

const STATEMENT = /^(import|export)\b([^;'"]*?)(?:\bfrom\s*)?'([^']+)'|\bimport\('([^']+)'\)/gm;
const isTest = (path) => /[.-]spec\.ts$/.test(path);
const isEntryPoint = (path) => basename(path) === 'index.ts';
/** The unit that is tested together, such as `libs/queue`, `apps/api` or `test/support`. */
const unitOf = (path) => path.split('/', 2).join('/');

/**
 * A test is reached if it imports a changed file, directly or through files of the same lib. In other libs it is
 * reached only if it, or the file it tests, imports a changed file through the lib's entry point: otherwise a change of
 * the kernel would reach everything. A file that is not a module, such as a script or a document, reaches the tests
 * that contain its name.
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

/** The importers of each file. An import through an entry point counts only for the files that define the names. */
function reverse(texts) {
  const importsOf = new Map([...texts].map(([path, text]) => [path, statements(path, text, texts)]));
  const behind = (path, names) =>
    !isEntryPoint(path) || names === null
      ? [path]
      : names.flatMap((name) => {
          const found = importsOf.get(path).find(({ given }) => given?.includes(name));
          return found ? behind(found.path, [found.names[found.given.indexOf(name)]]) : [path];
        });
  const importers = new Map();
  for (const [by, imports] of importsOf) {
    const own = imports.filter(({ given }) => !(isEntryPoint(by) && given));
    for (const path of own.flatMap(({ path, names }) => behind(path, names))) {
      importers.set(path, (importers.get(path) ?? new Set()).add(by));
    }
  }
  return importers;
}

/**
 * The imports of a module: the file, the names in that file (null: all), and the names under which it re-exports them.
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
