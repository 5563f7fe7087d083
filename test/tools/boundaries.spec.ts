import { execFileSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';

const ROOT = process.cwd();

/** A file of a little repository, what it imports, and the rules that object. */
const FILES: readonly (readonly [file: string, imports: string, rules: readonly string[]])[] = [
  // What is allowed
  ['apps/api/src/main.ts', '@app/queue', []],
  ['apps/api/src/wiring.ts', '@app/config', []],
  ['libs/config/src/index.ts', '@app/kernel', []],
  ['libs/queue/src/index.ts', './application/queue.service.js', []],
  ['libs/queue/src/application/queue.service.ts', '@app/commands', []],
  ['libs/commands/src/index.ts', './domain/command.js', []],
  ['libs/commands/src/domain/command.ts', '@app/projects', []],
  ['libs/commands/src/domain/hash.ts', 'node:crypto', []],
  ['libs/projects/src/application/use.ts', '@nestjs/common', []],
  ['libs/projects/src/projects.module.ts', '@nestjs/typeorm', []],
  ['libs/projects/src/adapters/postgres/rows.ts', 'typeorm', []],
  ['libs/projects/src/adapters/kubernetes/pods.ts', '@kubernetes/client-node', []],
  ['libs/projects/src/adapters/postgres/rows.integration.spec.ts', '@app/projects/testing', []],
  ['libs/projects/testing/index.ts', '../src/index.js', []],
  ['libs/database/src/source.ts', 'pg', []],
  ['test/e2e/projects.e2e-spec.ts', '@app/projects/testing', []],
  // What is not
  ['libs/http/src/a.ts', './b.js', []],
  ['libs/http/src/b.ts', './a.js', []],
  ['libs/kernel/src/config.ts', '@app/config', ['kernel-imports-nothing']],
  ['libs/http/src/app.ts', '../../../apps/api/src/wiring.js', ['libs-do-not-import-apps']],
  ['libs/http/src/feature.ts', '@app/projects', ['platform-knows-no-feature']],
  ['libs/queue/src/inside.ts', '../../commands/src/domain/hash.js', ['features-meet-at-the-index']],
  ['apps/api/src/inside.ts', '../../../libs/commands/src/domain/hash.js', ['features-meet-at-the-index']],
  ['test/e2e/inside.e2e-spec.ts', '../../libs/commands/src/domain/hash.js', ['features-meet-at-the-index']],
  ['libs/projects/src/upwards.ts', '@app/commands', ['features-in-order']],
  ['libs/commands/src/upwards.ts', '@app/queue', ['features-in-order']],
  ['libs/queue/src/sideways.ts', '@app/audit', ['features-in-order']],
  ['libs/apikeys/src/index.ts', '@app/projects', ['features-in-order']],
  ['libs/webhooks/src/index.ts', '@app/commands', ['features-in-order']],
  ['libs/audit/src/sideways.ts', '@app/apikeys', ['features-in-order']],
  ['libs/projects/src/domain/disk.ts', 'node:fs', ['domain-is-pure']],
  ['libs/projects/src/domain/framework.ts', '@nestjs/common', ['domain-is-pure']],
  ['libs/projects/src/domain/outwards.ts', '../application/use.js', ['domain-is-pure']],
  ['libs/projects/src/domain/platform.ts', '@app/config', ['domain-is-pure']],
  ['libs/projects/src/application/rows.ts', '../adapters/postgres/rows.js', ['application-knows-no-adapter']],
  ['libs/projects/src/application/http.ts', '@app/http', ['application-knows-no-adapter']],
  ['libs/projects/src/application/swagger.ts', '@nestjs/swagger', ['application-knows-no-adapter']],
  ['libs/projects/src/fake.ts', '../testing/index.js', ['src-knows-no-testing']],
  ['libs/projects/src/spec.ts', './adapters/postgres/rows.integration.spec.js', ['src-knows-no-testing']],
  ['apps/api/src/fake.ts', '@app/projects/testing', ['src-knows-no-testing']],
  ['libs/projects/src/adapters/http/sql.ts', 'typeorm', ['typeorm-stays-in-its-adapters']],
  ['libs/http/src/sql.ts', 'pg', ['typeorm-stays-in-its-adapters']],
  ['libs/projects/src/adapters/local/pods.ts', '@kubernetes/client-node', ['kubernetes-stays-in-its-adapters']],
  // Other entry points
  ['libs/kernel/src/index.ts', './config.js', []],
  ['libs/projects/src/index.ts', './upwards.js', []],
  ['libs/http/src/index.ts', './a.js', []],
  ['libs/audit/src/index.ts', 'node:path', []],
];

const PACKAGES = ['typeorm', 'pg', '@nestjs/common', '@nestjs/typeorm', '@nestjs/swagger', '@kubernetes/client-node'];

describe('the boundaries', () => {
  let dir: string;
  let violations: ReadonlyMap<string, readonly string[]>;

  beforeAll(() => {
    dir = mkdtempSync(join(tmpdir(), 'rdev-boundaries-'));
    const write = (path: string, text: string) => {
      mkdirSync(dirname(join(dir, path)), { recursive: true });
      writeFileSync(join(dir, path), text);
    };
    for (const name of ['tsconfig.json', '.dependency-cruiser.cjs', '.dependency-cruiser.aliases.cjs'])
      cpSync(join(ROOT, name), join(dir, name));
    write(
      'package.json',
      JSON.stringify({ type: 'module', dependencies: Object.fromEntries(PACKAGES.map((name) => [name, '1.0.0'])) }),
    );
    for (const name of PACKAGES) {
      write(`node_modules/${name}/package.json`, JSON.stringify({ name, version: '1.0.0', main: 'index.js' }));
      write(`node_modules/${name}/index.js`, 'export const x = 1;\n');
    }
    for (const [file, imports] of FILES) write(file, `import * as x from '${imports}';\nexport const y = x;\n`);
    violations = cruise(dir);
  }, 60_000);

  afterAll(() => rmSync(dir, { recursive: true, force: true }));

  it.each(FILES)('%s importing %s: %j', (file, _imports, rules) => {
    const found = (violations.get(file) ?? []).filter((name) => name !== 'no-cycles');
    expect(found).toEqual(rules);
  });

  it('report a cycle, once and for one of its files', () => {
    const files = ['libs/http/src/a.ts', 'libs/http/src/b.ts'];
    expect(files.flatMap((file) => violations.get(file) ?? [])).toEqual(['no-cycles']);
  });

  it('have a case for each rule', () => {
    const config = readConfig() as { forbidden: { name: string }[] };
    const covered = new Set(['no-cycles', ...FILES.flatMap(([, , rules]) => rules)]);
    expect(config.forbidden.map(({ name }) => name).filter((name) => !covered.has(name))).toEqual([]);
  });
});

function readConfig(): unknown {
  return JSON.parse(
    execFileSync(
      process.execPath,
      ['-p', `JSON.stringify(require(${JSON.stringify(join(ROOT, '.dependency-cruiser.cjs'))}))`],
      {
        encoding: 'utf8',
      },
    ),
  );
}

/** The names of the rules that each file breaks. */
function cruise(cwd: string): ReadonlyMap<string, readonly string[]> {
  const bin = join(ROOT, 'node_modules/dependency-cruiser/bin/dependency-cruiser.mjs');
  const args = ['--config', '.dependency-cruiser.cjs', '--output-type', 'json', 'apps', 'libs', 'test'];
  const output = execFileSync(process.execPath, [bin, ...args], { cwd, encoding: 'utf8', maxBuffer: 64 * 1024 * 1024 });
  const { summary } = JSON.parse(output) as { summary: { violations: { from: string; rule: { name: string } }[] } };
  const found = new Map<string, string[]>();
  for (const { from, rule } of summary.violations) {
    found.set(from, [...new Set([...(found.get(from) ?? []), rule.name])].sort());
  }
  return found;
}
