/** Runs the API as a child process of a script that represents it. */
import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { node, nodeEnvironment, nodeFlags, root } from './project.mjs';

const END_WITH_PARENT = pathToFileURL(join(root, 'scripts', 'end-with-parent.mjs')).href;
const REPEATED_MS = 1_000;
const PARENT_CHECK_MS = 500;

/** @param {string} file the built program; `flags` are for Node, `args` for the program */
export function spawnApi(file, { flags = [], args = [] } = {}) {
  // In its own session: Ctrl+C reaches the whole foreground group, and the API would get it twice. The IPC channel
  // tells the API that this process has ended, even if it was killed.
  return spawn(node, [...nodeFlags, ...flags, `--import=${END_WITH_PARENT}`, file, ...args], {
    stdio: ['inherit', 'inherit', 'inherit', 'ipc'],
    env: { ...nodeEnvironment, ...process.env },
    detached: process.platform !== 'win32',
  });
}

/** Calls `act` with each signal that ends this process. */
export function onSignals(act) {
  const sent = new Map();
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) {
    process.on(signal, () => {
      // The terminal and npm may both forward one Ctrl+C; a deliberate second one comes later.
      if (Date.now() - (sent.get(signal) ?? 0) < REPEATED_MS) return;
      sent.set(signal, Date.now());
      act(signal);
    });
  }
  // A killed npm forwards nothing, but our parent process changes. (package.json uses `exec`: there is no shell
  // between.)
  const parent = process.ppid;
  if (process.env.npm_lifecycle_event) {
    setInterval(() => process.ppid !== parent && process.kill(process.pid, 'SIGTERM'), PARENT_CHECK_MS).unref();
  }
}
