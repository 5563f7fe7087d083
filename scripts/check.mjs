/** `npm run check`: everything fast. */
import { runChecks } from './checks.mjs';
import { build, install } from './project.mjs';
import { report } from './report.mjs';
import { runSuites } from './suites.mjs';

await install();
await build();
report([...(await runChecks()), await runSuites(['unit'])]);
