interface Times {
  timesOf(
    suiteOf: () => string,
    report: object,
    notes: string,
  ): { file: string; ms: number; parts: Record<string, number> }[];
}

let tool: Times;
beforeAll(async () => {
  const path = '../../scripts/times.mjs';
  tool = (await import(path)) as Times;
});

describe('the times of a test file', () => {
  it('count each moment once, for the innermost of what it went into', () => {
    const name = `${process.cwd()}/test/e2e/some.e2e-spec.ts`;
    const notes = [
      { file: name, what: 'load', to: 1_100 },
      { file: name, what: 'api', from: 1_100, to: 1_600 },
      { file: name, what: 'api', from: 1_200, to: 1_700 },
      { file: name, what: 'database', from: 1_100, to: 1_300 },
      { file: name, what: 'wait', from: 1_650, to: 1_800 },
      { file: name, what: 'wait', from: 1_900, to: 1_910 },
      { file: name, what: 'cpu', ms: 70 },
      { file: 'another', what: 'wait', from: 1_800, to: 1_900 },
    ];
    const report = { testResults: [{ name, startTime: 1_000, endTime: 2_000, assertionResults: [] }] };
    const [times] = tool.timesOf(() => 'e2e', report, notes.map((note) => `${JSON.stringify(note)}\n`).join(''));
    expect(times).toMatchObject({
      file: 'e2e: test/e2e/some.e2e-spec.ts',
      ms: 1_000,
      parts: { load: 100, database: 200, api: 400, stop: 0, supervisor: 0, wait: 110, rest: 190, cpu: 70 },
    });
  });
});
