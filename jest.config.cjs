const { readFileSync } = require('node:fs');
const { join } = require('node:path');

const { jsc } = JSON.parse(readFileSync(join(__dirname, '.swcrc'), 'utf8'));
// Jest maps the names of libs itself, including their testing/ (see moduleNameMapper).
const { baseUrl: _baseUrl, paths: _paths, ...compiler } = jsc;

const common = {
  rootDir: __dirname,
  testEnvironment: 'node',
  transform: {
    '^.+\\.ts$': ['@swc/jest', { jsc: compiler, module: { type: 'commonjs' }, swcrc: false, sourceMaps: 'inline' }],
    '^.+\\.sh$': '<rootDir>/test/support/text-transform.cjs',
  },
  moduleNameMapper: {
    '^(\\.{1,2}/.*)\\.js$': '$1',
    '^@app/([^/]+)$': '<rootDir>/libs/$1/src/index.ts',
    '^@app/([^/]+)/testing$': '<rootDir>/libs/$1/testing/index.ts',
  },
  // Records durations, for a run with --times.
  ...(process.env.TEST_SPANS && { setupFilesAfterEnv: ['<rootDir>/test/support/spans-setup.ts'] }),
  modulePathIgnorePatterns: ['<rootDir>/dist', '<rootDir>/.rdev'],
};

const withPostgres = {
  globalSetup: '<rootDir>/test/support/postgres-global-setup.mjs',
  globalTeardown: '<rootDir>/test/support/postgres-global-teardown.mjs',
};

// The long form also runs on the cluster of KUBECONFIG, if set; the short form, in `npm test`, never does.
const { CHAOS_FORM, KUBECONFIG } = process.env;
const chaos = [
  '<rootDir>/test/chaos/**/*.chaos-spec.ts',
  ...(CHAOS_FORM === 'short' || !KUBECONFIG ? [] : ['<rootDir>/test/cluster/chaos.cluster-spec.ts']),
];

/** Run by scripts/suites.mjs, which also sets the timeouts: `npm run test:unit` and so on. */
module.exports = {
  projects: [
    {
      ...common,
      displayName: 'unit',
      testMatch: ['<rootDir>/{libs,apps}/**/*.spec.ts', '<rootDir>/test/tools/**/*.spec.ts'],
      testPathIgnorePatterns: ['\\.integration\\.spec\\.ts$', '/node_modules/'],
    },
    { ...common, displayName: 'chart', testMatch: ['<rootDir>/test/chart/**/*.chart-spec.ts'] },
    {
      ...common,
      ...withPostgres,
      displayName: 'integration',
      testMatch: ['<rootDir>/{libs,apps,test}/**/*.integration.spec.ts'],
    },
    { ...common, ...withPostgres, displayName: 'e2e', testMatch: ['<rootDir>/test/e2e/**/*.e2e-spec.ts'] },
    { ...common, ...withPostgres, displayName: 'load', testMatch: ['<rootDir>/test/e2e/**/*.load-spec.ts'] },
    { ...common, ...withPostgres, displayName: 'speed', testMatch: ['<rootDir>/test/e2e/**/*.speed-spec.ts'] },
    { ...common, ...withPostgres, displayName: 'cluster', testMatch: ['<rootDir>/test/cluster/**/*.cluster-spec.ts'] },
    { ...common, ...withPostgres, displayName: 'chaos', testMatch: chaos },
    { ...common, ...withPostgres, displayName: 'pooler', testMatch: ['<rootDir>/test/pooler/**/*.pooler-spec.ts'] },
    { ...common, ...withPostgres, displayName: 'proxies', testMatch: ['<rootDir>/test/proxies/**/*.proxies-spec.ts'] },
    { ...common, ...withPostgres, displayName: 'upgrade', testMatch: ['<rootDir>/test/upgrade/**/*.upgrade-spec.ts'] },
    {
      ...common,
      ...withPostgres,
      globalSetup: '<rootDir>/test/support/postgres-both-global-setup.mjs',
      displayName: 'postgres',
      testMatch: [
        '<rootDir>/test/postgres/**/*.postgres-spec.ts',
        '<rootDir>/libs/{database,events,idempotency,rate-limit}/src/*.integration.spec.ts',
        '<rootDir>/libs/*/src/adapters/postgres/*.integration.spec.ts',
        '<rootDir>/test/e2e/{queue,events}.e2e-spec.ts',
      ],
    },
    { ...common, displayName: 'compose', testMatch: ['<rootDir>/test/compose/**/*.compose-spec.ts'] },
    { ...common, ...withPostgres, displayName: 'bench', testMatch: ['<rootDir>/test/bench/**/*.bench-spec.ts'] },
  ],
};
