/**
 * `npm test [-- Jest's arguments]`: installs and builds what is missing, then runs everything that needs no cluster.
 * With arguments that select tests, the checks are left out; `--times` is not one of these.
 */
import { fileURLToPath } from 'node:url';
import { realpathSync } from 'node:fs';
import { runChecks } from './checks.mjs';
import { build, install, node, run, stopRuns } from './project.mjs';
import { report } from './report.mjs';
import { runSuites } from './suites.mjs';

/** Suites that run together. Those that measure run apart. */
const POOLS = [['unit', 'chart', 'integration', 'e2e', 'chaos'], ['load'], ['speed']];

const args = process.argv.slice(2);
let cleanUp = async () => {};

async function main() {
  await install();
  await build();
  // The rest loads the built code, which requires the Node that it is built for.
  if (realpathSync(process.execPath) !== realpathSync(node)) {
    cleanUp = () => new Promise(() => {}); // this process ends with that one
    const { code } = await run(node, [fileURLToPath(import.meta.url), ...args]);
    process.exitCode = code;
    return;
  }
  const results = args.every((arg) => arg === '--times') ? await runChecks() : [];
  const { startTestServer } = await import('../test/support/test-server.mjs');
  const server = await startTestServer();
  cleanUp = server.stop;
  const env = { ...process.env, ...server.env, CHAOS_FORM: 'short' };
  try {
    for (const names of POOLS) {
      console.log(`\n${names.join(', ')}`);
      results.push(await runSuites(names, args, env));
    }
  } finally {
    await server.stop();
  }
  report(results);
}

// A signal that does not come from the terminal reaches only this process.
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) {
  process.once(signal, () => {
    stopRuns(signal);
    void cleanUp().finally(() => process.exit(130));
  });
}

try {
  await main();
} catch (error) {
  const detail = error instanceof Error ? (error.stack ?? error.message) : String(error);
  report([{ code: 1, passed: 0, failures: [{ name: 'npm test', detail }] }]);
}
