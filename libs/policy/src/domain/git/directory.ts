import { GitRefused } from './refused.js';
import { pathRefusal } from './values.js';

/**
 * From the project's directory to the one where git is to run: empty, or with a slash in front. It is held to what
 * `-C` is held to, but may be absolute. @throws {@link GitRefused}
 */
export function directoryBelow(cwd: string | null, directory: string): string {
  if (cwd === null) return '';
  const isBelow = cwd === directory || cwd.startsWith(`${directory}/`);
  const relative = isBelow ? cwd.slice(directory.length).replace(/^\/+/, '') : cwd;
  if (pathRefusal(relative, directory) !== null)
    throw new GitRefused(
      '"cwd" takes for git only the directory of the project, or one below it that is not in ".git"',
    );
  const parts = relative.split('/').filter((part) => part !== '' && part !== '.');
  return parts.map((part) => `/${part}`).join('');
}
