/**
 * The direction of dependencies (docs/internals/architecture.md): apps → features → platform → kernel, and inside a
 * feature adapters → application → domain. test/tools/boundaries.spec.ts proves that every rule bites.
 */
const PLATFORM =
  'channel|config|database|embedded-postgres|events|health|http|idempotency|kubernetes|local|metrics|rate-limit|resilience|supervisor|telemetry';
const FEATURES = 'projects|commands|policy|output|execution|queue|apikeys|webhooks|audit';
/** What each feature may know of the others. */
const BELOW = {
  projects: [],
  commands: ['projects'],
  policy: ['projects', 'commands'],
  output: ['projects', 'commands'],
  execution: ['projects', 'commands', 'policy', 'output'],
  queue: ['projects', 'commands', 'policy', 'output', 'execution'],
};

const A_TEST = '(\\.spec|-spec)\\.ts$';
/** Node modules that compute: they reach neither disk, network nor other processes. */
const PURE_BUILTINS = '^(node:)?(buffer|crypto|net|path|util|url|zlib|assert|events|string_decoder)$';

const npm = (names) => `(^|/)node_modules/(${names})/`;

/** @type {(name: string, comment: string, from: object, to: object) => object} */
const forbid = (name, comment, from, to) => ({ name, comment, severity: 'error', from, to });

/** @type {import('dependency-cruiser').IConfiguration} */
module.exports = {
  forbidden: [
    forbid('no-cycles', 'Arrows never form a cycle.', {}, { circular: true }),
    forbid(
      'kernel-imports-nothing',
      'The kernel knows no other lib.',
      { path: '^libs/kernel/' },
      { path: '^(libs/(?!kernel/)|apps/)' },
    ),
    forbid(
      'libs-do-not-import-apps',
      'An app wires libs, never the other way round.',
      { path: '^libs/' },
      { path: '^apps/' },
    ),
    forbid(
      'platform-knows-no-feature',
      'A platform lib serves any feature.',
      { path: `^libs/(${PLATFORM})/` },
      { path: `^libs/(${FEATURES})/` },
    ),
    forbid(
      'features-meet-at-the-index',
      'A lib has one door, src/index.ts, and a second one for tests, testing/index.ts.',
      { path: '^libs/([^/]+)/' },
      { path: '^libs/(?!$1/)', pathNot: '^libs/[^/]+/(src|testing)/index\\.ts$' },
    ),
    forbid(
      'features-meet-at-the-index',
      'Apps and suites use the doors too, but for what measures the moments between two steps inside.',
      { path: '^(apps|test)/', pathNot: '^test/support/moments\\.ts$' },
      { path: '^libs/', pathNot: '^libs/[^/]+/(src|testing)/index\\.ts$' },
    ),
    ...Object.entries(BELOW).map(([feature, below]) =>
      forbid(
        'features-in-order',
        'queue → execution → output, policy → commands → projects. Tests may look further.',
        { path: `^libs/${feature}/src/`, pathNot: A_TEST },
        { path: `^libs/(${FEATURES})/`, pathNot: `^libs/(${[feature, ...below].join('|')})/` },
      ),
    ),
    forbid(
      'features-in-order',
      'Keys, webhooks and audit know no feature: they read the event log.',
      { path: '^libs/(apikeys|webhooks|audit)/' },
      { path: `^libs/(${FEATURES})/`, pathNot: '^libs/$1/' },
    ),
    forbid(
      'domain-is-pure',
      "A domain imports itself, the kernel and other features' doors: no package, no I/O.",
      { path: '^libs/([^/]+)/src/domain/', pathNot: A_TEST },
      {
        pathNot: [
          '^libs/$1/src/domain/',
          '^libs/kernel/src/index\\.ts$',
          `^libs/(${FEATURES})/src/index\\.ts$`,
          PURE_BUILTINS,
        ],
      },
    ),
    forbid(
      'application-knows-no-adapter',
      'Use cases ask for what they need through ports.',
      { path: '^libs/([^/]+)/src/application/', pathNot: A_TEST },
      {
        path: [
          '^libs/[^/]+/src/adapters/',
          '^libs/[^/]+/src/[^/]+\\.module\\.ts$',
          '^libs/(http|database|kubernetes|local)/',
          npm('typeorm|pg|ws|express|@kubernetes/[^/]+|@nestjs/(?!common/|event-emitter/)[^/]+'),
        ],
      },
    ),
    forbid(
      'src-knows-no-testing',
      'What is shipped needs nothing that is not.',
      { path: '^(libs|apps)/[^/]+/src/', pathNot: A_TEST },
      { path: ['^libs/[^/]+/testing/', '^test/', A_TEST] },
    ),
    forbid(
      'typeorm-stays-in-its-adapters',
      'Rows and SQL never leave their adapter.',
      {
        path: '^(libs|apps)/',
        pathNot: [
          '^libs/(database|events|idempotency|rate-limit|embedded-postgres)/',
          '^libs/[^/]+/src/adapters/postgres/',
          '\\.integration\\.spec\\.ts$',
        ],
      },
      { path: npm('typeorm|pg') },
    ),
    forbid(
      'kubernetes-stays-in-its-adapters',
      'The client of the cluster never leaves its adapter.',
      {
        path: '^(libs|apps)/',
        pathNot: ['^libs/kubernetes/', '^libs/[^/]+/src/adapters/kubernetes/', '\\.integration\\.spec\\.ts$'],
      },
      { path: npm('@kubernetes/client-node') },
    ),
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    exclude: { path: '^dist/' },
    // Types count: who knows a shape knows its owner.
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.json' },
    // The paths of tsconfig.json once more: the resolver does not know patterns with something behind the star.
    webpackConfig: { fileName: '.dependency-cruiser.aliases.cjs' },
    enhancedResolveOptions: { exportsFields: ['exports'], conditionNames: ['import', 'node', 'default', 'types'] },
  },
};
