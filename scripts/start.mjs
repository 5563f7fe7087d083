/**
 * `npm start`: installs and builds what is missing, then runs the API on the Node of node_modules, forwards signals to
 * it and exits with its exit code.
 */
import { constants } from 'node:os';
import { onSignals, spawnApi } from './api.mjs';
import { build, install, main } from './project.mjs';

try {
  await install();
  await build();
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  process.exit(1);
}

const api = spawnApi(main, { args: process.argv.slice(2) });
onSignals((signal) => api.kill(signal));
api.once('error', (error) => {
  console.error(error.message);
  process.exit(1);
});
api.once('exit', (code, signal) => process.exit(code ?? 128 + constants.signals[signal]));
