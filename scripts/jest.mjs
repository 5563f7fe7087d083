/**
 * `npm run test:<suite> [-- Jest's arguments]`: runs one suite on a fresh build. Called by its path, it takes several.
 */
import { build, install } from './project.mjs';
import { report } from './report.mjs';
import { runSuites, suiteNames } from './suites.mjs';

const words = process.argv.slice(2);
const count = words.findIndex((word) => !suiteNames.includes(word));
const names = count === -1 ? words : words.slice(0, count);
if (names.length === 0) throw new Error(`Name a suite: ${suiteNames.join(', ')}.`);
await install();
if (names.some((name) => name !== 'unit')) await build();
report([await runSuites(names, words.slice(names.length))]);
