import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ALERT_CASES, type AlertCase, HEALTHY, type Series } from './support/alert-cases.js';
import { type Values, find, refusal, render } from './support/helm.js';

interface Rule {
  readonly alert: string;
  readonly expr: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
}

const RUNBOOKS = 'docs/operations/runbooks.md';
/** Words of the rules that are neither functions nor metrics. */
const WORDS = 'sum max by le instance circuit and or unless offset m h'.split(' ');

/** Of Debian's package `prometheus`; CI installs it. */
const PROMTOOL = process.env.PROMTOOL ?? 'promtool';
const withPromtool = spawnSync(PROMTOOL, ['--version']).status === 0 ? it : it.skip;

function rulesOf(values: Values = {}, prometheusRule: Values = {}): Rule[] {
  const metrics = { prometheusRule: { enabled: true, ...prometheusRule } };
  const objects = render({ database: { password: 'x' }, metrics, ...values });
  return find(objects, 'PrometheusRule').spec.groups.flatMap(({ rules }: { rules: Rule[] }) => rules);
}
const rules = rulesOf();
const named = (name: string): Rule => rules.find(({ alert }) => alert === name)!;

/** The series as promtool reads them, with the labels that Prometheus adds to each. */
function inputSeries(series: Series, job = 'rdev'): { series: string; values: string }[] {
  return Object.entries(series)
    .filter(([, values]) => values !== '')
    .map(([name, values]) => {
      const [, metric = '', labels = ''] = /^(\w+)(?:\{(.*)\})?$/.exec(name) ?? [];
      const target = [`namespace="rdev"`, `job="${job}"`, ...(labels.includes('instance=') ? [] : ['instance="a"'])];
      return { series: `${metric}{${[...target, ...(labels === '' ? [] : [labels])].join(',')}}`, values };
    });
}

interface Expectation {
  readonly alertname: string;
  readonly eval_time: string;
  readonly exp_alerts: readonly object[];
}

const expectation = ({ alert, at }: AlertCase, alerts: readonly object[] = []): Expectation => ({
  alertname: alert,
  eval_time: `${String(at)}m`,
  exp_alerts: alerts,
});

function fires(each: AlertCase): Expectation {
  const { labels, annotations } = named(each.alert);
  const exp_annotations = { ...annotations, description: each.says };
  return expectation(each, [{ exp_labels: { ...labels, ...each.labels }, exp_annotations }]);
}

/** Checks expectations with one set of series each. @throws with what promtool says against them */
function promtool(
  tests: readonly { series: ReturnType<typeof inputSeries>; expected: readonly Expectation[] }[],
): void {
  const dir = mkdtempSync(join(tmpdir(), 'rdev-alerts-'));
  const run = (...args: string[]): void => {
    const { status, stdout, stderr } = spawnSync(PROMTOOL, args, { cwd: dir, encoding: 'utf8' });
    if (status !== 0) throw new Error(stdout + stderr);
  };
  try {
    // JSON is YAML.
    writeFileSync(join(dir, 'rules.yml'), JSON.stringify({ groups: [{ name: 'rdev', rules }] }));
    const units = tests.map(({ series, expected }) => ({
      interval: '1m',
      input_series: series,
      alert_rule_test: expected,
    }));
    const unit = { rule_files: ['rules.yml'], evaluation_interval: '1m', tests: units };
    writeFileSync(join(dir, 'tests.yml'), JSON.stringify(unit));
    run('check', 'rules', 'rules.yml');
    run('test', 'rules', 'tests.yml');
  } finally {
    rmSync(dir, { recursive: true });
  }
}

describe('alerts', () => {
  withPromtool.each(ALERT_CASES.map((each) => [each.alert, each.title, each] as const))(
    '%s fires when %s, and not for what is nearly so',
    (_alert, _title, each) => {
      promtool([
        { series: inputSeries({ ...HEALTHY, ...each.series }), expected: [fires(each)] },
        { series: inputSeries({ ...HEALTHY, ...each.unlike }), expected: [expectation(each)] },
      ]);
    },
  );

  withPromtool('do not fire while all is well, nor because of another install in the namespace', () => {
    const two = {
      ...HEALTHY,
      'up{instance="b"}': '1x200',
      'rdev_queue_depth{instance="b",priority="normal"}': '3x200',
    };
    const calm = ALERT_CASES.flatMap((each) => [20, 60, 180].map((at) => expectation({ ...each, at })));
    promtool([
      { series: inputSeries(two), expected: calm },
      ...ALERT_CASES.map((each) => ({
        series: [...inputSeries(two), ...inputSeries({ ...HEALTHY, ...each.series }, 'other')],
        expected: [expectation(each)],
      })),
    ]);
  });

  it('each have a case that makes them fire', () => {
    expect([...new Set(ALERT_CASES.map(({ alert }) => alert))].sort()).toEqual(rules.map(({ alert }) => alert).sort());
  });

  it('each have a severity, texts and a runbook', () => {
    const page = readFileSync(RUNBOOKS, 'utf8');
    const sections = [...page.matchAll(/^## (.+)$/gm)].map(([, title]) => title);
    expect(sections).toEqual(rules.map(({ alert }) => alert));
    for (const { alert, labels, annotations } of rules) {
      expect([alert, labels.severity]).toEqual([alert, expect.stringMatching(/^(critical|warning|info)$/)]);
      expect([alert, annotations]).toEqual([
        alert,
        {
          summary: expect.stringMatching(/^[A-Za-z].*\.$/),
          description: expect.stringMatching(/\.$/),
          runbook_url: `${RUNBOOKS}#${alert.toLowerCase()}`,
        },
      ]);
    }
  });

  it('link to another page if that is set', () => {
    const runbookUrl = 'https://wiki.test/rdev';
    const links = rulesOf({}, { runbookUrl }).map(({ annotations }) => annotations.runbook_url);
    expect(links).toContain('https://wiki.test/rdev#rdevdown');
    expect(links.every((link) => link?.startsWith(`${runbookUrl}#`))).toBe(true);
    expect(refusal({ metrics: { prometheusRule: { runbookUrl: '' } } })).toContain('runbookUrl');
  });

  it.each([
    ['replicaCount', { replicaCount: 3 }, '< 3'],
    ['the least that the autoscaler keeps', { autoscaling: { enabled: true, minReplicas: 4 } }, '< 4'],
    ['nothing if the number is left to others', { replicaCount: null }, undefined],
  ])('compare the replicas with %s', (_name, values, expected) => {
    const rule = rulesOf(values).find(({ alert }) => alert === 'RdevReplicasMissing');
    expect(rule?.expr.slice(-3)).toBe(expected);
  });

  it('ask for metrics of this install only', () => {
    for (const { alert, expr } of rules) {
      for (const [, metric, labels] of expr.matchAll(/(\w+)\{(.*?)\}/g))
        expect([alert, metric, labels]).toEqual([
          alert,
          metric,
          expect.stringMatching(/^namespace="rdev", job=~"rdev\(-metrics\)\?"/),
        ]);
      const others = expr.replace(/\w+\{.*?\}/g, '').match(/\b[a-z_]+\b(?!\()/g) ?? [];
      expect([alert, others.filter((name) => !WORDS.includes(name))]).toEqual([alert, []]);
    }
  });
});
