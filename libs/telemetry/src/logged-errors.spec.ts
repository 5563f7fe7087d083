import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

const root = join(__dirname, '../../..');

/** Values logged as `err`: for anything but an Error the log would contain "not an Error". */
describe('errors in the log', () => {
  it('are Error objects, and not derived objects or texts', () => {
    const sources = globSync('{libs,apps}/*/src/**/*.ts', { cwd: root }).filter((path) => !path.endsWith('.spec.ts'));
    const logged = sources.flatMap((path) =>
      [
        ...readFileSync(join(root, path), 'utf8').matchAll(
          /\.(?:log|warn|error|debug|fatal)\(\s*\{\s*err\b:?\s*(.{1,40})/gs,
        ),
      ].map(([, value = '']) => `${path}: ${value}`),
    );
    expect(logged.length).toBeGreaterThan(10);
    expect(logged.filter((found) => /: (?:[{"'`[]|String\(|\w+\.message|null|undefined)/.test(found))).toEqual([]);
  });
});
