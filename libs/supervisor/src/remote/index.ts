import attach from './attach.sh';
import control from './control.sh';
import main from './main.sh';
import proc from './proc.sh';
import spool from './spool.sh';
import stdin from './stdin.sh';
import supervise from './supervise.sh';
import tree from './tree.sh';

/** The parts in order: the first sets up the shell, the last one runs the program. */
export const PARTS = [proc, tree, spool, stdin, supervise, attach, control, main];

/** The remote program: ASCII, POSIX sh, without comments and indentation. */
export const SUPERVISOR_SCRIPT = PARTS.join('\n')
  .split('\n')
  .map((line) => line.trimStart())
  .filter((line) => line !== '' && !line.startsWith('#'))
  .map((line) => `${line}\n`)
  .join('');
