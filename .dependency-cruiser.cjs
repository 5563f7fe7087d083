/**
 * The direction of dependencies (docs/internals/architecture.md): apps → features → platform → kernel, and inside a
 * feature adapters → application → domain. test/tools/boundaries.spec.ts proves that every rule is enforced.
 */
const PLATFORM =
  'channel|config|database|embedded-postgres|events|health|http|idempotency|kubernetes|local|metrics|outbound-http|rate-limit|resilience|supervisor|telemetry|tracing';
const FEATURES = 'projects|commands|policy|output|execution|queue|apikeys|webhooks|audit';
/** The features that each feature may import. */
const BELOW = {
  projects: [],
  commands: ['projects'],
  policy: ['projects', 'commands'],
  output: ['projects', 'commands'],
  execution: ['projects', 'commands', 'policy', 'output'],
  queue: ['projects', 'commands', 'policy', 'output', 'execution'],
};

const A_TEST = '(\\.spec|-spec)\\.ts$';
/** Node modules that only compute: they access neither disk, network nor other processes. */
const PURE_BUILTINS = '^(node:)?(buffer|crypto|net|path|util|url|zlib|assert|events|string_decoder)$';

const npm = (names) => `(^|/)node_modules/(${names})/`;

/** @type {(name: string, comment: string, from: object, to: object) => object} */
const forbid = (name, comment, from, to) => ({ name, comment, severity: 'error', from, to });

/** @type {import('dependency-cruiser').IConfiguration} */
module.exports = {
  forbidden: [
    forbid('no-cycles', 'Dependencies form no cycle.', {}, { circular: true }),
    forbid(
      'kernel-imports-nothing',
      'The kernel depends on no other lib.',
      { path: '^libs/kernel/' },
      { path: '^(libs/(?!kernel/)|apps/)' },
    ),
    forbid(
      'libs-do-not-import-apps',
      'Apps depend on libs, never the other way round.',
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
      'A lib has one entry point, src/index.ts, and a second one for tests, testing/index.ts.',
      { path: '^libs/([^/]+)/' },
      { path: '^libs/(?!$1/)', pathNot: '^libs/[^/]+/(src|testing)/index\\.ts$' },
    ),
    forbid(
      'features-meet-at-the-index',
      'Apps and suites use the entry points too, except the module that measures times between internal steps.',
      { path: '^(apps|test)/', pathNot: '^test/support/moments\\.ts$' },
      { path: '^libs/', pathNot: '^libs/[^/]+/(src|testing)/index\\.ts$' },
    ),
    ...Object.entries(BELOW).map(([feature, below]) =>
      forbid(
        'features-in-order',
        'queue → execution → output, policy → commands → projects. Tests may import more.',
        { path: `^libs/${feature}/src/`, pathNot: A_TEST },
        { path: `^libs/(${FEATURES})/`, pathNot: `^libs/(${[feature, ...below].join('|')})/` },
      ),
    ),
    forbid(
      'features-in-order',
      'Keys, webhooks and audit depend on no feature: they read the event log.',
      { path: '^libs/(apikeys|webhooks|audit)/' },
      { path: `^libs/(${FEATURES})/`, pathNot: '^libs/$1/' },
    ),
    forbid(
      'domain-is-pure',
      "A domain imports itself, the kernel and other features' entry points: no package, no I/O.",
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
      'Use cases get what they need through ports.',
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
      'Shipped code depends on nothing that is not shipped.',
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
      'The Kubernetes client never leaves its adapter.',
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
    // Type imports count: they are dependencies too.
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.json' },
    // Repeats the paths of tsconfig.json: the resolver does not support patterns with text after the asterisk.
    webpackConfig: { fileName: '.dependency-cruiser.aliases.cjs' },
    enhancedResolveOptions: { exportsFields: ['exports'], conditionNames: ['import', 'node', 'default', 'types'] },
  },
};
