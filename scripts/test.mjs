/**
 * `npm test [-- Jest's arguments]`: installs and builds what is missing, then runs everything that needs no cluster.
 * With arguments, which choose tests, the checks are left out.
 */
import { runChecks } from './checks.mjs';
import { build, install } from './project.mjs';
import { report } from './report.mjs';
import { runSuite } from './suites.mjs';

const args = process.argv.slice(2);
const results = [];
try {
  await install();
  await build();
  if (args.length === 0) results.push(...(await runChecks()));
  for (const suite of ['unit', 'integration', 'e2e']) {
    console.log(`\n${suite}`);
    results.push(await runSuite(suite, args));
  }
} catch (error) {
  const detail = error instanceof Error ? error.message : String(error);
  results.push({ code: 1, passed: 0, failures: [{ name: 'npm test', detail }] });
}
report(results);
