/**
 * `npm run test:repeat -- FILE [TIMES] [Jest's arguments]`: runs a test file repeatedly while another process keeps
 * every processor busy, and reports which tests failed how often. As thorough as `.ci/run`, unless TEST_THOROUGH is
 * set.
 */
import { spawn } from 'node:child_process';
import { availableParallelism } from 'node:os';
import { relative, resolve } from 'node:path';
import { build, install, node, root, stopRuns } from './project.mjs';
import { detailOf } from './report.mjs';
import { runSuites, suiteOf } from './suites.mjs';

/**
 * Has the priority of the tests, so that they get half of each processor. Ends with this process, even if that is
 * killed.
 */
const SPIN = `process.on('disconnect', () => process.exit());
  setInterval(() => { for (const end = Date.now() + 50; Date.now() < end; ); });`;

const [file = '', times = '10', ...args] = process.argv.slice(2);
const path = relative(root, resolve(file));
const name = suiteOf(path);
if (name === undefined || !/^[1-9]\d*$/.test(times)) throw new Error('Name a test file and the number of runs.');
await install();
if (name !== 'unit') await build();
const load = Array.from({ length: availableParallelism() }, () =>
  spawn(node, ['-e', SPIN], { stdio: ['ignore', 'ignore', 'inherit', 'ipc'] }),
);
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) {
  process.once(signal, () => {
    stopRuns(signal);
    process.exit(130);
  });
}
try {
  await repeat();
} finally {
  for (const child of load) child.disconnect();
}

async function repeat() {
  const failures = new Map();
  for (let i = 1; i <= Number(times); i++) {
    const since = Date.now();
    const result = await runSuites(
      [name],
      ['--runTestsByPath', path, ...args],
      { TEST_THOROUGH: '1', ...process.env },
      { quiet: true },
    );
    const seconds = ((Date.now() - since) / 1000).toFixed(1);
    console.log(`${i} of ${times}: ${result.passed} passed, ${result.failures.length} failed, ${seconds} s`);
    for (const { name: test, detail } of result.failures) {
      console.log(`  ✗ ${test}`);
      failures.set(test, [...(failures.get(test) ?? []), detail]);
    }
    if (result.passed + result.failures.length === 0) throw new Error('No test matches.');
  }
  for (const [test, details] of failures) {
    console.log(`\n✗ failed ${details.length} of ${times} times: ${test}\n${detailOf(details[0])}`);
  }
  console.log(`\n${failures.size} tests failed at least once`);
  process.exitCode = failures.size > 0 ? 1 : 0;
}
