/** The suites that Jest runs, and how. */
import { join } from 'node:path';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { helmTools } from './helm.mjs';
import { node, root, run, tool } from './project.mjs';

/**
 * `timeoutMs` is per test; files run one after the other where they measure time or share something. What needs `helm`
 * finds it, and kubectl, in the directory HELM_TOOLS.
 */
const SUITES = {
  unit: { timeoutMs: 10_000, workers: 2 },
  chart: { timeoutMs: 20_000, workers: 2, helm: true },
  integration: { timeoutMs: 120_000, workers: 2 },
  e2e: { timeoutMs: 120_000, workers: 2 },
  speed: { timeoutMs: 120_000, serial: true },
  cluster: { timeoutMs: 300_000, serial: true, helm: true },
  pooler: { timeoutMs: 120_000, serial: true },
  chaos: { timeoutMs: 1_200_000, serial: true },
  bench: { timeoutMs: 600_000, serial: true },
};

export const suiteNames = Object.keys(SUITES);

/** Jest loads the ESM packages through vm modules, which Node calls experimental in every worker. */
const NODE_OPTIONS = '--experimental-vm-modules --disable-warning=ExperimentalWarning';

/**
 * Runs a suite with Jest, its progress on the terminal.
 * @returns what passed and failed, or null if Jest died without saying
 */
export async function runSuite(name, args = [], env = process.env) {
  const { timeoutMs, serial = false, workers, helm = false } = SUITES[name];
  const dir = await mkdtemp(join(tmpdir(), 'rdev-jest-'));
  const report = join(dir, 'report.json');
  try {
    const own = [
      '--selectProjects',
      name,
      '--passWithNoTests',
      // Node 26.10 may spin for ever in its own clean-up at exit; leaving by process.exit() skips that.
      '--forceExit',
      '--testTimeout',
      timeoutMs,
      '--json',
      '--outputFile',
      report,
    ];
    const { code } = await run(
      node,
      [
        ...tool('jest'),
        ...own.map(String),
        ...(serial ? ['--runInBand'] : []),
        ...(workers ? [`--maxWorkers=${workers}`] : []),
        ...args,
      ],
      {
        env: {
          ...env,
          ...(helm && { HELM_TOOLS: env.HELM_TOOLS ?? (await helmTools()) }),
          NODE_OPTIONS: `${env.NODE_OPTIONS ?? ''} ${NODE_OPTIONS}`.trim(),
        },
      },
    );
    return { code, ...summary(name, JSON.parse(await readFile(report, 'utf8'))) };
  } catch {
    return { code: 1, passed: 0, failures: [{ name: `${name}: Jest ended without a report`, detail: '' }] };
  } finally {
    await rm(dir, { recursive: true, force: true });
  }
}

function summary(name, { testResults }) {
  const tests = testResults.flatMap(({ name: file, assertionResults, message, status }) => {
    const path = file.slice(root.length + 1);
    const failed = assertionResults.filter((test) => test.status === 'failed');
    // A file that does not compile, or whose hooks fail, has no failing test of its own.
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
