/** `npm run test:<suite> [-- Jest's arguments]`: one suite, on a fresh build. */
import { build, install } from './project.mjs';
import { report } from './report.mjs';
import { runSuite, suiteNames } from './suites.mjs';

const [name, ...args] = process.argv.slice(2);
if (!suiteNames.includes(name)) throw new Error(`Which suite? One of ${suiteNames.join(', ')}.`);
await install();
if (name !== 'unit') await build();
report([await runSuite(name, args)]);
