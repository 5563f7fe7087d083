/** The suites that Jest runs, and their settings. */
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { availableParallelism, tmpdir } from 'node:os';
import { helmTools } from './helm.mjs';
import { node, root, run, tool } from './project.mjs';
import { timesOf } from './times.mjs';

/**
 * `timeoutMs` is per test. The files of a `serial` suite run one after another, as they measure time or share
 * something; a suite with `workers` runs that many files at a time. A suite with `helm` gets helm and kubectl in the directory HELM_TOOLS, and Helm 3 in HELM_3_TOOLS; one
 * with `postgres` gets the binaries of another PostgreSQL.
 */
const SUITES = {
  unit: { timeoutMs: 10_000 },
  chart: { timeoutMs: 20_000, helm: true },
  integration: { timeoutMs: 120_000 },
  e2e: { timeoutMs: 120_000 },
  load: { timeoutMs: 120_000, workers: availableParallelism() },
  speed: { timeoutMs: 120_000, serial: true },
  cluster: { timeoutMs: 300_000, helm: true },
  upgrade: { timeoutMs: 120_000 },
  pooler: { timeoutMs: 120_000 },
  proxies: { timeoutMs: 120_000 },
  postgres: { timeoutMs: 120_000, postgres: true },
  compose: { timeoutMs: 300_000, serial: true },
  chaos: { timeoutMs: 120_000, serial: true },
  bench: { timeoutMs: 600_000, serial: true },
};

/** Number of concurrent files: three for each core, as they wait for two thirds of the time. */
const WORKERS = 3 * availableParallelism();

export const suiteNames = Object.keys(SUITES);

/** The suite of a file; undefined if it is not a test. */
export function suiteOf(path) {
  const kind = /[.](\w+)[.-]spec[.]ts$/.exec(path)?.[1];
  return suiteNames.includes(kind) ? kind : /[.]spec[.]ts$/.test(path) ? 'unit' : undefined;
}

/** Jest loads ESM packages through vm modules, for which Node prints a warning in every worker. */
const NODE_OPTIONS = '--experimental-vm-modules --disable-warning=ExperimentalWarning';

const DEBIAN = '/usr/lib/postgresql';

/** The binaries of the oldest PostgreSQL installed from Debian packages. */
function oldestPostgres() {
  const versions = existsSync(DEBIAN)
    ? readdirSync(DEBIAN)
        .map(Number)
        .filter((version) => version > 0)
    : [];
  const binaries = versions.sort((a, b) => a - b).map((version) => join(DEBIAN, String(version), 'bin'));
  const found = binaries.find((bin) => existsSync(join(bin, 'initdb')));
  if (found === undefined)
    throw new Error(
      'There is no PostgreSQL in /usr/lib/postgresql. Set TEST_POSTGRES_BIN to the directory of its binaries.',
    );
  return found;
}

/**
 * Runs suites with Jest in one pool of workers, and shows the progress unless `quiet`. The argument `--times` is ours:
 * it adds durations to the result.
 * @returns the passed and failed tests
 */
export async function runSuites(names, args = [], env = process.env, { quiet = false } = {}) {
  const { timeoutMs, serial, workers, helm, postgres } = settingsOf(names);
  const dir = await mkdtemp(join(tmpdir(), 'rdev-jest-'));
  const report = join(dir, 'report.json');
  const spans = args.includes('--times') ? join(dir, 'spans') : '';
  let said = '';
  try {
    const own = [
      '--selectProjects',
      ...names,
      '--passWithNoTests',
      // Node 26.10 may spin forever in its clean-up at exit; process.exit() skips that.
      '--forceExit',
      '--testTimeout',
      timeoutMs,
      '--json',
      '--outputFile',
      report,
    ];
    const { code, output } = await run(
      node,
      [
        ...tool('jest'),
        ...own.map(String),
        serial ? '--runInBand' : `--maxWorkers=${workers}`,
        ...args.filter((arg) => arg !== '--times'),
      ],
      {
        quiet,
        env: {
          ...env,
          ...(postgres && { TEST_POSTGRES_BIN: env.TEST_POSTGRES_BIN ?? oldestPostgres() }),
          ...(spans && { TEST_SPANS: spans }),
          ...(helm && {
            HELM_TOOLS: env.HELM_TOOLS ?? (await helmTools()),
            HELM_3_TOOLS: env.HELM_3_TOOLS ?? (await helmTools('helm-3.17')),
          }),
          NODE_OPTIONS: `${env.NODE_OPTIONS ?? ''} ${NODE_OPTIONS}`.trim(),
        },
      },
    );
    said = output;
    const results = JSON.parse(await readFile(report, 'utf8'));
    return {
      code,
      ...summary(names, results),
      ...(spans && { times: timesOf(suiteIn(names), results, await readFile(spans, 'utf8').catch(() => '')) }),
    };
  } catch (error) {
    const detail = said || (error instanceof Error ? error.message : '');
    return { code: 1, passed: 0, failures: [{ name: `${names.join(', ')}: Jest ended without a report`, detail }] };
  } finally {
    await rm(dir, { recursive: true, force: true });
  }
}

/** The combined settings of several suites. */
function settingsOf(names) {
  const all = names.map((name) => SUITES[name]);
  return {
    timeoutMs: Math.max(...all.map(({ timeoutMs }) => timeoutMs)),
    serial: all.every(({ serial = false }) => serial),
    workers: Math.min(...all.map(({ workers = WORKERS }) => workers)),
    helm: all.some(({ helm = false }) => helm),
    postgres: all.some(({ postgres = false }) => postgres),
  };
}

/** The suite that a file was run for: some files are in several. */
const suiteIn = (names) => (path) => (names.length === 1 ? names[0] : suiteOf(path));

function summary(names, { testResults }) {
  const tests = testResults.flatMap(({ name: file, assertionResults, message, status }) => {
    const path = file.slice(root.length + 1);
    const name = suiteIn(names)(path);
    const failed = assertionResults.filter((test) => test.status === 'failed');
    // A file that does not compile, or whose hooks fail, has no failed test.
    if (status === 'failed' && failed.length === 0) return [{ ok: false, name: `${name}: ${path}`, detail: message }];
    return assertionResults
      .filter((test) => test.status === 'passed' || test.status === 'failed')
      .map((test) => ({
        ok: test.status === 'passed',
        name: `${name}: ${path}: ${test.fullName}`,
        detail: test.failureMessages.join('\n'),
      }));
  });
  return { passed: tests.filter((test) => test.ok).length, failures: tests.filter((test) => !test.ok) };
}
