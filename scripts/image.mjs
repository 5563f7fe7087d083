/**
 * `node scripts/image.mjs DOCKERFILE NAME:TAG ARCHIVE`: builds an image from its Dockerfile without a container engine,
 * and writes a docker archive (`docker load`, `ctr images import`). For tests only: releases are built by an engine.
 * Needs root, mmdebstrap, and the Debian archive that this machine's apt is configured for.
 *
 * Differences to an engine: a stage from `node:` runs in a directory of this machine, with its npm; packages are
 * unpacked, not configured; `RUN` in a stage from `debian:` has no network; the image has one layer.
 */
import { spawn } from 'node:child_process';
import { mkdir, mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { INSTALL, neededStages, parseDockerfile } from './dockerfile.mjs';
import { isInstalled, root as checkout } from './project.mjs';

const DEBIAN = { 12: 'bookworm', 13: 'trixie' };
const KEYRING = '/usr/share/keyrings/debian-archive-keyring.gpg';
const PATH = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';
const UNWANTED = [
  'usr/share/doc',
  'usr/share/info',
  'usr/share/locale',
  'usr/share/man',
  'var/cache/apt',
  'var/lib/apt/lists',
];
/** The part of the packages' maintainer scripts that programs depend on. */
const CONFIGURE = `
  [ -e /etc/passwd ] || cp /usr/share/base-passwd/passwd.master /etc/passwd
  [ -e /etc/group ] || cp /usr/share/base-passwd/group.master /etc/group
  [ -e /usr/bin/awk ] || ln -s mawk /usr/bin/awk
  mkdir -p /etc/ssl/certs && cat /usr/share/ca-certificates/mozilla/*.crt > /etc/ssl/certs/ca-certificates.crt
  ldconfig`;

/** Runs a program; its output is shown only if it fails. */
function run(command, args, options = {}) {
  return new Promise((done, fail) => {
    const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'pipe'], ...options });
    let output = '';
    for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk) => (output += chunk));
    child.once('error', fail);
    child.once('close', (code) => {
      if (code === 0) done(output);
      else fail(new Error(`${command} ${args.join(' ')} failed:\n${output.slice(-4_000)}`));
    });
  });
}

/** The Debian mirror of this machine's apt. */
async function debianMirror() {
  const targets = await run('apt-get', [
    'indextargets',
    '--format',
    '$(ORIGIN) $(COMPONENT) $(REPO_URI)',
    'Created-By: Packages',
  ]);
  const mirror = targets
    .split('\n')
    .find((line) => line.startsWith('Debian main '))
    ?.split(' ')[2];
  if (!mirror)
    throw new Error('apt on this machine has no Debian archive. Run apt-get update, or use a container engine.');
  return mirror;
}

/** Creates a root file system with Debian's essential packages and some more, unpacked. */
async function bootstrap(root, release, packages) {
  const source = `deb [signed-by=${KEYRING}] ${await debianMirror()} ${release} main`;
  const include = ['?essential', 'ca-certificates', 'passwd', ...packages].map((name) => `--include=${name}`);
  await run('mmdebstrap', ['--quiet', '--mode=root', '--variant=extract', ...include, release, root, source]);
  for (const path of UNWANTED) await rm(join(root, path), { recursive: true, force: true });
  await run('chroot', [root, '/bin/sh', '-ec', CONFIGURE]);
}

/** Builds one stage and returns its root directory and configuration. */
async function buildStage(stage, { root, context, stages }) {
  const parent = stages.get(stage.from);
  const isHosted = stage.from.startsWith('node:');
  const packages = stage.steps.flatMap(
    ({ name, text }) => (name === 'RUN' && INSTALL.exec(text)?.[1].split(' ')) || [],
  );
  const config = structuredClone(parent?.config ?? { Env: { PATH }, User: '', WorkingDir: '/' });
  if (parent) {
    if (packages.length > 0) throw new Error(`${stage.from}: packages can only be installed on top of debian:`);
    await run('cp', ['--archive', '--reflink=auto', parent.root, root]);
  } else if (isHosted) await mkdir(root);
  else {
    const [, major] = /^debian:(\d+)/.exec(stage.from) ?? [];
    if (!DEBIAN[major]) throw new Error(`The base image ${stage.from} is not supported.`);
    await bootstrap(root, DEBIAN[major], packages);
  }
  for (const step of stage.steps) await runStep(step, { root, config, isHosted, context, stages });
  return { root, config };
}

async function runStep({ name, text, words, json, flags }, { root, config, isHosted, context, stages }) {
  const inside = (path) => join(root, resolve(config.WorkingDir, path));
  switch (name) {
    case 'ARG':
      return;
    case 'RUN':
      if (INSTALL.test(text)) return;
      if (isHosted && text.startsWith('npm ci') && isInstalled()) {
        // node_modules is installed here already, from the same package-lock.json.
        const wanted = ['-mindepth', '1', '-maxdepth', '1', '!', '-name', '.cache'];
        await mkdir(inside('node_modules'));
        return run('find', [
          ...[join(checkout, 'node_modules'), ...wanted],
          ...['-exec', 'cp', '--archive', '--target-directory', inside('node_modules'), '{}', '+'],
        ]);
      }
      if (isHosted) return run('sh', ['-ec', text], { cwd: inside('.') });
      return run('chroot', [root, '/bin/sh', '-ec', `cd ${config.WorkingDir} && ${text}`], { env: config.Env });
    case 'WORKDIR':
      config.WorkingDir = resolve(config.WorkingDir, text);
      return mkdir(inside('.'), { recursive: true });
    case 'COPY': {
      const from = flags.from ? stages.get(flags.from)?.root : context;
      if (from === undefined) throw new Error(`COPY --from=${flags.from}: no such stage`);
      for (const path of words.slice(0, -1))
        await copy(join(from, path), inside(words.at(-1)), words.at(-1).endsWith('/'));
      return;
    }
    case 'ENV':
      for (const word of words) config.Env[word.slice(0, word.indexOf('='))] = word.slice(word.indexOf('=') + 1);
      return;
    case 'USER':
      config.User = text;
      return;
    case 'EXPOSE':
      config.ExposedPorts = Object.fromEntries(words.map((port) => [`${port}/tcp`, {}]));
      return;
    case 'HEALTHCHECK':
      config.Healthcheck = { Test: ['CMD', ...json] };
      return;
    case 'ENTRYPOINT':
      config.Entrypoint = json;
      return;
    case 'CMD':
      config.Cmd = json;
      return;
    default:
      throw new Error(`The instruction ${name} is not supported.`);
  }
}

/** Copies like COPY: the contents of a directory, or a file, into a directory if the target ends with a slash. */
async function copy(source, target, isInto) {
  const isDirectory = (await stat(source)).isDirectory();
  await mkdir(isDirectory || isInto ? target : dirname(target), { recursive: true });
  const from = isDirectory ? `${source}/.` : source;
  await run('cp', ['--recursive', '--no-dereference', '--preserve=mode,timestamps', '--reflink=auto', from, target]);
}

/** @see the Docker image specification 1.2: one layer, identified by its digest, and the configuration */
async function pack({ root, config }, name, archive, scratch) {
  const dir = join(scratch, 'archive');
  const layer = join(dir, 'layer.tar');
  await mkdir(dir);
  const tar = ['--create', '--numeric-owner', '--sort=name', '--exclude=./dev/*', '--file'];
  await run('tar', [...tar, layer, '--directory', root, '.']);
  const [digest] = (await run('sha256sum', [layer])).split(' ');
  const image = {
    architecture: { x64: 'amd64', arm64: 'arm64' }[process.arch],
    os: 'linux',
    config: { ...config, Env: Object.entries(config.Env).map(([key, value]) => `${key}=${value}`) },
    rootfs: { type: 'layers', diff_ids: [`sha256:${digest}`] },
  };
  await writeFile(join(dir, 'config.json'), JSON.stringify(image));
  const manifest = [{ Config: 'config.json', RepoTags: [name], Layers: ['layer.tar'] }];
  await writeFile(join(dir, 'manifest.json'), JSON.stringify(manifest));
  await run('tar', ['--create', '--file', archive, '--directory', dir, 'manifest.json', 'config.json', 'layer.tar']);
}

/** Builds the last stage and the stages that it needs. */
async function buildImage({ dockerfile, context, name, archive }) {
  const scratch = await mkdtemp(join(tmpdir(), 'rdev-image-'));
  try {
    const wanted = parseDockerfile(await readFile(dockerfile, 'utf8'));
    const stages = new Map();
    let last;
    for (const stage of neededStages(wanted)) {
      last = await buildStage(stage, { root: join(scratch, `stage-${stages.size}`), context, stages });
      stages.set(stage.name ?? String(stages.size), last);
    }
    await pack(last, name, archive, scratch);
  } finally {
    await rm(scratch, { recursive: true, force: true });
  }
}

const [dockerfile, name, archive, context = dirname(dockerfile)] = process.argv.slice(2);
if (!archive) {
  console.error('Usage: node scripts/image.mjs DOCKERFILE NAME:TAG ARCHIVE [CONTEXT]');
  process.exit(2);
}
const since = Date.now();
await buildImage({ dockerfile, context, name, archive: resolve(archive) });
console.error(`${name} built in ${Math.round((Date.now() - since) / 1000)} s.`);
