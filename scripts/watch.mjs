/**
 * Builds and restarts the API whenever a source is saved. After a failed build, or if the API exits by itself, it waits
 * for the next change. The arguments are for Node.
 */
import { once } from 'node:events';
import { join } from 'node:path';
import { watch } from 'rolldown';
import { onSignals, spawnApi } from './api.mjs';
import { input, output } from './bundle.mjs';
import { programs, root } from './project.mjs';

/** Not dist/, which is tested and shipped. */
const dir = join(root, 'node_modules', '.cache', 'rdev-dev');
const flags = process.argv.slice(2);

let api;
let turn = Promise.resolve();
let isEnding = false;

async function stop() {
  if (api === undefined || api.exitCode !== null || api.signalCode !== null) return;
  const exit = once(api, 'exit');
  api.kill('SIGTERM');
  await exit;
}

function restart() {
  turn = turn.then(async () => {
    await stop();
    if (!isEnding) api = spawnApi(join(dir, 'main.cjs'), { flags });
  });
}

const watcher = watch({
  ...input({ main: programs.main }, { isDraft: true }),
  output: output(dir, { isDraft: true }),
  watch: { include: [/[\\/](apps|libs)[\\/]/] },
});

watcher.on('event', async (event) => {
  if (event.code === 'BUNDLE_END') {
    console.error(`Built in ${Math.round(event.duration)} ms.`);
    restart();
  }
  if (event.code === 'ERROR') console.error(event.error.message);
  await event.result?.close();
});

onSignals(async () => {
  isEnding = true;
  await turn;
  await stop();
  await watcher.close();
  process.exit(0);
});
