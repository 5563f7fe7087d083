import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { loadYaml } from '@kubernetes/client-node';

interface Step {
  readonly name: string;
  readonly text: string;
  readonly words: readonly string[];
  readonly json: readonly string[] | null;
  readonly flags: Readonly<Record<string, string>>;
}
interface Stage {
  readonly from: string;
  readonly name: string | null;
  readonly steps: readonly Step[];
}
interface Reader {
  parseDockerfile(source: string): Stage[];
  neededStages(stages: readonly Stage[]): Stage[];
  readonly INSTALL: RegExp;
}

const FILES = ['Dockerfile', 'images/workspace/Dockerfile', 'test/images/postgres.Dockerfile'];
/** Its servers run as root, in a pod of a test. */
const GIT_SERVER = 'test/images/git-server.Dockerfile';
const PROJECT = '../../scripts/project.mjs';
/** What scripts/image.mjs follows. */
const KNOWN = /^(ARG|CMD|COPY|ENTRYPOINT|ENV|EXPOSE|HEALTHCHECK|RUN|USER|WORKDIR)$/;

let reader: Reader;
beforeAll(async () => {
  const path = '../../scripts/dockerfile.mjs';
  reader = (await import(path)) as Reader;
});

const stagesOf = (file: string): Stage[] => reader.parseDockerfile(readFileSync(file, 'utf8'));
/** The steps that make the last image, from its base on. */
function finalSteps(stages: readonly Stage[]): readonly Step[] {
  const steps: Step[] = [];
  for (let stage = stages.at(-1); stage; stage = stages.find(({ name }) => name === stage.from)) {
    steps.unshift(...stage.steps);
  }
  return steps;
}
const last = (steps: readonly Step[], name: string): Step | undefined => steps.findLast((step) => step.name === name);

describe.each([...FILES, GIT_SERVER])('%s', (file) => {
  it('is built without a container engine as it is by one: the script knows every step', () => {
    for (const { name, text } of stagesOf(file).flatMap(({ steps }) => steps)) {
      expect(name).toMatch(KNOWN);
      if (text.includes('apt-get')) expect(text).toMatch(reader.INSTALL);
    }
  });

  it('starts from a pinned version', () => {
    const stages = stagesOf(file);
    for (const { from } of stages) {
      if (stages.some(({ name }) => name === from)) continue;
      expect(from).toMatch(/^(node:\d+\.\d+\.\d+-|debian:\d+\.\d+-)/);
    }
  });

  it('copies files that are there', () => {
    const context = file.startsWith('images/') ? dirname(file) : '.';
    const copies = stagesOf(file).flatMap(({ steps }) =>
      steps.filter(({ name, flags }) => name === 'COPY' && !flags.from),
    );
    for (const path of copies.flatMap(({ words }) => words.slice(0, -1))) {
      // The context of that one is a package, which is of one platform.
      if (!file.endsWith('postgres.Dockerfile')) expect([path, existsSync(join(context, path))]).toEqual([path, true]);
    }
  });
});

it.each(FILES)('%s ends as a user without privileges, by number, so that a cluster can tell', (file) => {
  expect(last(finalSteps(stagesOf(file)), 'USER')?.text).toMatch(/^[1-9]\d+:[1-9]\d+$/);
});

describe('the image of the API', () => {
  const steps = (): readonly Step[] => finalSteps(stagesOf('Dockerfile'));

  it('runs the built API on the Node of package-lock.json, as npm start does, and is asked by Node whether it lives', async () => {
    const { packages } = JSON.parse(readFileSync('package-lock.json', 'utf8'));
    const text = readFileSync('Dockerfile', 'utf8');
    expect(text).toContain(`FROM node:${packages['node_modules/node'].version}-`);
    expect(readFileSync('images/workspace/Dockerfile', 'utf8')).toContain(`@${packages['node_modules/node'].version}"`);
    expect(last(steps(), 'CMD')?.json).toEqual(['dist/main.cjs']);
    const { nodeFlags, nodeEnvironment } = (await import(PROJECT)) as {
      nodeFlags: readonly string[];
      nodeEnvironment: Readonly<Record<string, string>>;
    };
    expect(last(steps(), 'ENTRYPOINT')?.json).toEqual(['node', ...nodeFlags]);
    const set = last(steps(), 'ENV')?.words;
    expect(set).toEqual(expect.arrayContaining(Object.entries(nodeEnvironment).map((pair) => pair.join('='))));
    expect(last(steps(), 'HEALTHCHECK')?.json?.[0]).toBe('node');
    expect(last(steps(), 'ENV')?.words).toContain('HOST=0.0.0.0');
  });

  it('holds Node and the programs, and nothing else of the stage that built them', () => {
    const taken = steps().filter(({ flags }) => flags.from === 'build');
    expect(taken.flatMap(({ words }) => words.slice(0, -1))).toEqual(['/build/node', '/build/dist']);
    expect(reader.neededStages(stagesOf('Dockerfile')).map(({ name }) => name)).toEqual(['build', 'runtime', null]);
  });

  it('is built of exactly the packages of package-lock.json, each with its digest, and of none that reports installations', () => {
    const installs = stagesOf('Dockerfile').flatMap(({ steps: all }) =>
      all.filter(({ text }) => /\bnpm (ci|i|install)\b/.test(text)).map(({ text }) => text),
    );
    expect(installs).toEqual([expect.stringMatching(/^npm ci( --no-[a-z]+)*$/)]);
    const { packages } = JSON.parse(readFileSync('package-lock.json', 'utf8')) as {
      packages: Record<string, { integrity?: string }>;
    };
    const isPackage = (path: string) => path.includes('node_modules/') && path !== 'node_modules/@scarf/scarf';
    const paths = Object.keys(packages).filter(isPackage);
    expect(paths.filter((path) => !packages[path]?.integrity?.startsWith('sha512-'))).toEqual([]);
    expect(Object.keys(packages).filter((path) => path.endsWith('/@scarf/scarf'))).toHaveLength(1);
    expect(packages['node_modules/@scarf/scarf']).toHaveProperty('resolved', 'scripts/no-scarf');
    expect(JSON.parse(readFileSync('scripts/no-scarf/package.json', 'utf8'))).not.toHaveProperty('scripts');
  });

  it('gets from its context what it copies, and nothing else', () => {
    const ignored = readFileSync('.dockerignore', 'utf8').split('\n');
    const copied = stagesOf('Dockerfile').flatMap(({ steps: all }) =>
      all.filter(({ name, flags }) => name === 'COPY' && !flags.from).flatMap(({ words }) => words.slice(0, -1)),
    );
    expect(ignored.filter((line) => line.startsWith('!')).sort()).toEqual(copied.map((path) => `!${path}`).sort());
  });
});

describe('what is not understood in a Dockerfile', () => {
  it('is an error', () => {
    expect(() => reader.parseDockerfile('from debian:13\n')).toThrow('Unsupported line');
  });
});

describe.each(['docker-compose.yml', 'test/e2e/docker-compose.yml'])('%s', (file) => {
  interface Service {
    readonly image?: string;
    readonly build?: { readonly context: string; readonly target: string };
    readonly environment?: Readonly<Record<string, string>>;
    readonly ports?: readonly string[];
    readonly healthcheck?: object;
    readonly depends_on?: Readonly<Record<string, { condition: string }>>;
    readonly volumes?: readonly string[];
  }
  const { services, volumes } = loadYaml<{ services: Record<string, Service>; volumes: object }>(
    readFileSync(file, 'utf8'),
  );

  it('pins its images, and publishes ports to this machine only', () => {
    for (const { image, ports = [] } of Object.values(services)) {
      if (image !== undefined) expect(image).toMatch(/:v?\d+\.\d+/);
      for (const port of ports) expect(port).toMatch(/^127\.0\.0\.1:\d+:\d+$/);
    }
  });

  it('builds what a Dockerfile has, and configures it by variables that there are', () => {
    const documented = readFileSync('docs/configuration.md', 'utf8');
    for (const { image, build, environment = {} } of Object.values(services)) {
      expect(image === undefined).toBe(build !== undefined);
      if (build === undefined) continue;
      const path = join(dirname(file), build.context, 'Dockerfile');
      expect(stagesOf(path).map(({ name }) => name)).toContain(build.target);
      for (const name of Object.keys(environment)) expect(documented).toContain(`| \`${name}\` `);
    }
  });

  it('refers to services and volumes that are there', () => {
    for (const { depends_on: needs = {}, volumes: mounts = [] } of Object.values(services)) {
      for (const [name, { condition }] of Object.entries(needs)) {
        expect(services).toHaveProperty(name);
        // The image of the API brings its own.
        if (condition === 'service_healthy' && name !== 'api') expect(services[name]).toHaveProperty('healthcheck');
      }
      for (const mount of mounts.filter((text) => !text.startsWith('.'))) {
        expect(volumes).toHaveProperty(mount.slice(0, mount.indexOf(':')));
      }
    }
  });
});
