/** The API as a child of a script that stands in for it. */
import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { node, nodeEnvironment, nodeFlags, root } from './project.mjs';

const END_WITH_PARENT = pathToFileURL(join(root, 'scripts', 'end-with-parent.mjs')).href;
const REPEATED_MS = 1_000;
const PARENT_CHECK_MS = 500;

/** @param {string} file the program, as built; `flags` are for Node, `args` for the program */
export function spawnApi(file, { flags = [], args = [] } = {}) {
  // A session of its own: Ctrl+C reaches the whole foreground group, and the API would get it twice. The channel (ipc)
  // is how the API learns that this process is gone even when it was killed.
  return spawn(node, [...nodeFlags, ...flags, `--import=${END_WITH_PARENT}`, file, ...args], {
    stdio: ['inherit', 'inherit', 'inherit', 'ipc'],
    env: { ...nodeEnvironment, ...process.env },
    detached: process.platform !== 'win32',
  });
}

/** Has `act` called with each signal that is to end us. */
export function onSignals(act) {
  const sent = new Map();
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) {
    process.on(signal, () => {
      // The terminal and npm may both pass on one Ctrl+C; a second one that is meant comes later.
      if (Date.now() - (sent.get(signal) ?? 0) < REPEATED_MS) return;
      sent.set(signal, Date.now());
      act(signal);
    });
  }
  // npm that was killed says nothing; its death shows in our parent. (package.json has `exec`: no shell stands
  // between.)
  const parent = process.ppid;
  if (process.env.npm_lifecycle_event) {
    setInterval(() => process.ppid !== parent && process.kill(process.pid, 'SIGTERM'), PARENT_CHECK_MS).unref();
  }
}
