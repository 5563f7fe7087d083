import { delimiter, dirname, join } from 'node:path';

/** The last entry that npm adds. */
const ADDED_LAST = /[/\\]node-gyp-bin$/;

/**
 * The `PATH` from before npm. npm prepends the `node_modules/.bin` of the package and of all parent directories, and
 * its own programs, once for each nested npm. @see npm/run-script, lib/set-path.js
 */
export function pathBeforeNpm({
  PATH,
  npm_package_json: manifest,
}: Readonly<Record<string, string | undefined>>): string | undefined {
  if (PATH === undefined || manifest === undefined) return PATH;
  const entries = PATH.split(delimiter);
  const programs = programsFrom(dirname(manifest));
  const others = entries.findIndex((entry) => !programs.has(entry) && !ADDED_LAST.test(entry));
  const added = entries.slice(0, others < 0 ? entries.length : others);
  return entries.slice(added.findLastIndex((entry) => ADDED_LAST.test(entry)) + 1).join(delimiter);
}

function programsFrom(directory: string): Set<string> {
  const found = new Set([join(directory, 'node_modules', '.bin')]);
  for (let at = directory; at !== dirname(at); at = dirname(at)) found.add(join(dirname(at), 'node_modules', '.bin'));
  return found;
}
