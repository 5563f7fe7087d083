/**
 * `npm test [-- Jest's arguments]`: installs and builds what is missing, then runs everything that needs no cluster.
 * With arguments, which choose tests, the checks are left out.
 */
import { fileURLToPath } from 'node:url';
import { realpathSync } from 'node:fs';
import { runChecks } from './checks.mjs';
import { build, install, node, run, stopRuns } from './project.mjs';
import { report } from './report.mjs';
import { runSuite } from './suites.mjs';

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
  const results = args.length === 0 ? await runChecks() : [];
  for (const name of ['unit', 'chart']) results.push(await suite(name));
  const { startTestServer } = await import('../test/support/test-server.mjs');
  const server = await startTestServer();
  cleanUp = server.stop;
  try {
    for (const name of ['integration', 'e2e', 'speed']) results.push(await suite(name, server.env));
    results.push(await suite('chaos', { ...server.env, CHAOS_FORM: 'short' }));
  } finally {
    await server.stop();
  }
  report(results);
}

function suite(name, env = {}) {
  console.log(`\n${name}`);
  return runSuite(name, args, { ...process.env, ...env });
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
