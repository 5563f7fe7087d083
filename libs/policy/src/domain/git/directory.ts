import { GitRefused } from './refused.js';
import { pathRefusal } from './values.js';

/**
 * The path from the project's directory to git's working directory: empty, or with a leading slash. The rules of `-C`
 * apply, but it may be absolute. @throws {@link GitRefused}
 */
export function directoryBelow(cwd: string | null, directory: string): string {
  if (cwd === null) return '';
  const isBelow = cwd === directory || cwd.startsWith(`${directory}/`);
  const relative = isBelow ? cwd.slice(directory.length).replace(/^\/+/, '') : cwd;
  if (pathRefusal(relative, directory) !== null)
    throw new GitRefused('for git "cwd" must be the directory of the project or one below it, outside ".git"');
  const parts = relative.split('/').filter((part) => part !== '' && part !== '.');
  return parts.map((part) => `/${part}`).join('');
}
