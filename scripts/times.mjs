/** The output of `--times`: the slowest files and tests, and what took their time. test/support/spans.ts records it. */
import { root } from './project.mjs';

const FILES_SHOWN = 25;
const TESTS_SHOWN = 15;
/** If spans overlap, such as a database's within an API's, the time counts for the first of these kinds. */
const KINDS = ['load', 'database', 'api', 'stop', 'supervisor', 'wait'];

/**
 * @param suiteOf returns the suite of a file
 * @param report Jest's report
 * @param notes the records of test/support/spans.ts, as text
 */
export function timesOf(suiteOf, { testResults }, notes) {
  const all = notes.split('\n').filter((line) => line !== '');
  const spans = all.map((line) => JSON.parse(line));
  return testResults.map(({ name, startTime, endTime, assertionResults }) => {
    const own = spans.filter(({ file }) => file === name);
    const path = name.slice(root.length + 1);
    const suite = suiteOf(path);
    const file = `${suite}: ${path}`;
    const tests = assertionResults.map(({ fullName, duration }) => ({
      name: `${file}: ${fullName}`,
      ms: duration ?? 0,
    }));
    return { suite, file, ms: endTime - startTime, parts: partsOf(own, startTime, endTime), tests };
  });
}

function partsOf(notes, startTime, endTime) {
  const parts = {};
  let taken = [];
  for (const kind of KINDS) {
    const spans = notes
      .filter(({ what }) => what === kind)
      .map(({ from, to }) => [Math.max(from ?? startTime, startTime), Math.min(to, endTime)]);
    const all = union([...taken, ...spans]);
    parts[kind] = length(all) - length(taken);
    taken = all;
  }
  parts.rest = endTime - startTime - length(taken);
  for (const kind of ['cpu', 'api cpu']) {
    parts[kind] = notes.filter(({ what }) => what === kind).reduce((sum, { ms }) => sum + ms, 0);
  }
  return parts;
}

function union(spans) {
  const result = [];
  for (const [from, to] of spans.sort(([a], [b]) => a - b)) {
    const last = result.at(-1);
    if (last && from <= last[1]) last[1] = Math.max(last[1], to);
    else result.push([from, to]);
  }
  return result;
}

const length = (spans) => spans.reduce((sum, [from, to]) => sum + Math.max(to - from, 0), 0);

/** Prints the tables if the results contain times. */
export function printTimes(results) {
  const files = results.flatMap(({ times }) => times ?? []);
  if (files.length === 0) return;
  const columns = ['total', ...Object.keys(files[0].parts)];
  const line = (cells, name) => console.log(`${cells.map((cell) => cell.padStart(11)).join('')}  ${name}`);
  const row = ({ ms, parts }, name) =>
    line(
      [ms, ...Object.values(parts)].map((part) => (part / 1000).toFixed(1)),
      name,
    );
  const slowest = (list, count) => [...list].sort((a, b) => b.ms - a.ms).slice(0, count);

  console.log(
    '\nSeconds per file: loading it; starting databases and APIs, stopping these, supervisors, polling, everything else;',
  );
  console.log('of these, processor time of the test process and of the APIs that it stopped\n');
  line(columns, '');
  for (const file of slowest(files, FILES_SHOWN)) row(file, file.file);
  for (const suite of new Set(files.map((file) => file.suite))) {
    const own = files.filter((file) => file.suite === suite);
    row(sum(own), `${suite}: ${own.length} files`);
  }
  console.log('\nSeconds per test\n');
  for (const { name, ms } of slowest(files.flatMap(({ tests }) => tests), TESTS_SHOWN)) line([(ms / 1000).toFixed(1)], name); // prettier-ignore
}

function sum(files) {
  const parts = Object.fromEntries(
    Object.keys(files[0].parts).map((kind) => [kind, files.reduce((total, file) => total + file.parts[kind], 0)]),
  );
  return { ms: files.reduce((total, { ms }) => total + ms, 0), parts };
}
