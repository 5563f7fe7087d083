import { existsSync, readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';

interface Project {
  readonly type: string;
  readonly root: string;
  readonly sourceRoot: string;
  readonly entryFile: string;
}

const { projects } = JSON.parse(readFileSync('nest-cli.json', 'utf8')) as { projects: Record<string, Project> };

describe('nest-cli.json, by which `nest generate --project NAME` finds where files belong', () => {
  it.each(['apps', 'libs'])('has a project for each directory of %s', (top) => {
    const roots = Object.values(projects).map(({ root }) => root);
    expect(roots.filter((root) => root.startsWith(`${top}/`))).toEqual(
      readdirSync(top).map((name) => `${top}/${name}`),
    );
  });

  it.each(Object.entries(projects))('has %s by its name, with an entry that exists', (name, project) => {
    const { type, root, sourceRoot, entryFile } = project;
    expect(root).toBe(`${type === 'application' ? 'apps' : 'libs'}/${name}`);
    expect(sourceRoot).toBe(`${root}/src`);
    expect([sourceRoot, existsSync(join(sourceRoot, `${entryFile}.ts`))]).toEqual([sourceRoot, true]);
  });
});
