import { printTimes } from './times.mjs';

const COLOUR = new RegExp(String.fromCharCode(27) + '\\[[0-9;]*m', 'g');
const DETAIL_LINES = 30;

/** The beginning of Jest's failure message, indented. */
export function detailOf(text) {
  const lines = text.replace(COLOUR, '').trim().split('\n').slice(0, DETAIL_LINES);
  return lines.map((line) => `    ${line}`).join('\n');
}

/** Prints all failures again, then the plain last line of `npm test`, `npm run check` and `.ci/run`. */
export function report(results) {
  printTimes(results);
  const passed = results.reduce((sum, result) => sum + result.passed, 0);
  const failures = results.flatMap((result) => result.failures);
  if (failures.length > 0) console.log('\nFailed:');
  for (const { name, detail } of failures) console.log(`\n✗ ${name}\n${detailOf(detail)}`.trimEnd());
  console.log(`\n${passed} passed, ${failures.length} failed`);
  process.exitCode = failures.length > 0 || results.some((result) => result.code !== 0) ? 1 : 0;
}
