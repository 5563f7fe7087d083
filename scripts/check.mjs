/** `npm run check`: everything fast. */
import { runChecks } from './checks.mjs';
import { install } from './project.mjs';
import { report } from './report.mjs';
import { runSuite } from './suites.mjs';

await install();
report([...(await runChecks()), await runSuite('unit')]);
