/**
 * `npm start`: installs and builds what is missing, then runs the API on the Node of node_modules and stands in for it:
 * signals go in, the exit code comes out.
 */
import { spawn } from 'node:child_process';
import { constants } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { build, install, main, node, nodeFlags, root } from './project.mjs';

try {
  await install();
  await build();
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  process.exit(1);
}

const end = pathToFileURL(join(root, 'scripts', 'end-with-parent.mjs')).href;
// A session of its own: Ctrl+C reaches the whole foreground group, and the API would get it twice. The channel (ipc)
// is how the API learns that this process is gone even when it was killed.
const api = spawn(node, [...nodeFlags, `--import=${end}`, main, ...process.argv.slice(2)], {
  stdio: ['inherit', 'inherit', 'inherit', 'ipc'],
  detached: process.platform !== 'win32',
});

const REPEATED_MS = 1_000;
const PARENT_CHECK_MS = 500;
const sent = new Map();
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) {
  process.on(signal, () => {
    // The terminal and npm may both pass on one Ctrl+C; a second one that is meant comes later.
    if (Date.now() - (sent.get(signal) ?? 0) < REPEATED_MS) return;
    sent.set(signal, Date.now());
    api.kill(signal);
  });
}

// npm that was killed says nothing; its death shows in our parent. (package.json has `exec`: no shell stands between.)
const parent = process.ppid;
if (process.env.npm_lifecycle_event) {
  setInterval(() => process.ppid !== parent && process.kill(process.pid, 'SIGTERM'), PARENT_CHECK_MS).unref();
}

api.once('error', (error) => {
  console.error(error.message);
  process.exit(1);
});
api.once('exit', (code, signal) => process.exit(code ?? 128 + constants.signals[signal]));
