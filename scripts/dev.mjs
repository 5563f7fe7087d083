/**
 * `npm run dev`: installs what is missing, then runs watch.mjs on the Node of node_modules: the bundler needs a recent
 * one.
 */
import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { install, node, root } from './project.mjs';
import { onSignals } from './api.mjs';

await install();
const watching = spawn(node, [join(root, 'scripts', 'watch.mjs'), ...process.argv.slice(2)], { stdio: 'inherit' });
onSignals((signal) => watching.kill(signal));
watching.once('exit', (code) => process.exit(code ?? 1));
