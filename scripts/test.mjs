/**
 * `npm test [-- Jest's arguments]`: installs and builds what is missing, then runs everything that needs no cluster.
 * With arguments, which choose tests, the checks are left out. `--times` alone chooses none.
 */
import { fileURLToPath } from 'node:url';
import { realpathSync } from 'node:fs';
import { runChecks } from './checks.mjs';
import { build, install, node, run, stopRuns } from './project.mjs';
import { report } from './report.mjs';
import { runSuites } from './suites.mjs';

/** What runs together; what measures time runs alone. */
const POOLS = [['unit', 'chart', 'integration', 'e2e', 'chaos'], ['speed']];

const args = process.argv.slice(2);
let cleanUp = async () => {};

async function main() {
  await install();
  await build();
  // The rest loads the built code, which wants the Node that it is made for.
  if (realpathSync(process.execPath) !== realpathSync(node)) {
    cleanUp = () => new Promise(() => {}); // we end when that does
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

// A signal reaches only us when it does not come from the terminal.
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
