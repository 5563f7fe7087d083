import { type ChildProcess, spawn } from 'node:child_process';
import { chmod, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { eventually, freePort } from '../support/index.js';
import { signal } from '../support/processes.js';

export type ProxyName = 'nginx' | 'haproxy' | 'caddy' | 'apache' | 'vcl';

const MODULES = ['mpm_event', 'authz_core', 'proxy', 'proxy_http', 'proxy_balancer', 'lbmethod_byrequests'];
const SLOTS = 'slotmem_shm';

/** How each is run in the foreground, from a file in a directory of its own that its workers may read. */
const PROGRAMS: Readonly<Record<ProxyName, (directory: string, config: string, port: number) => Program>> = {
  nginx: (directory, config) => ({
    text: `daemon off; pid ${directory}/pid; error_log ${directory}/log; events {}
http { access_log off; proxy_cache_path ${directory}/cache keys_zone=cache:1m; ${config} }`,
    command: ['nginx', '-e', `${directory}/log`, '-c'],
  }),
  haproxy: (_directory, config) => ({ text: `global\n${config}`, command: ['haproxy', '-db', '-f'] }),
  caddy: (directory, config) => ({
    text: `{\nadmin off\nauto_https off\nstorage file_system ${directory}\n}\n${config}`,
    command: ['caddy', 'run', '--adapter', 'caddyfile', '--config'],
  }),
  apache: (directory, config) => ({
    text: `ServerRoot /etc/apache2
ServerName localhost
PidFile ${directory}/pid
ErrorLog ${directory}/log
DefaultRuntimeDir ${directory}
${[...MODULES, SLOTS].map((name) => `LoadModule ${name}_module /usr/lib/apache2/modules/mod_${name}.so`).join('\n')}
User nobody
${config}`,
    command: ['apache2', '-DFOREGROUND', '-f'],
  }),
  vcl: (directory, config, port) => ({
    text: config,
    command: ['varnishd', '-F', '-a', `127.0.0.1:${port}`, '-n', `${directory}/varnish`, '-f'],
  }),
};

interface Program {
  readonly text: string;
  /** The file with the text comes last. */
  readonly command: readonly string[];
}

/** What docs/operations/proxies.md tells to configure, in the language of the proxy. */
export async function documented(name: ProxyName): Promise<string> {
  const page = await readFile('docs/operations/proxies.md', 'utf8');
  const config = new RegExp(`^\`\`\`${name}\\n([^]*?)^\`\`\``, 'm').exec(page)?.[1];
  if (config === undefined) throw new Error(`docs/operations/proxies.md has no configuration of ${name}.`);
  return config;
}

/**
 * A proxy before replicas of the API, which the configuration calls 10.0.0.11 and 10.0.0.12; it listens on 80 there.
 */
export class Proxy {
  private constructor(
    readonly port: number,
    private readonly directory: string,
    private readonly child: ChildProcess,
  ) {}

  static async start(name: ProxyName, config: string, upstreams: readonly number[]): Promise<Proxy> {
    const directory = await mkdtemp(join(tmpdir(), `rdev-${name}-`));
    await chmod(directory, 0o755);
    await mkdir(join(directory, 'varnish'));
    const port = await freePort();
    const local = [11, 12].reduce(
      (text, host, index) =>
        text
          .replaceAll(`10.0.0.${host}:8080`, `127.0.0.1:${upstreams[index] ?? upstreams[0]}`)
          .replace(`.host = "10.0.0.${host}";\n  .port = "8080"`, `.host = "127.0.0.1"; .port = "${upstreams[index]}"`),
      config
        .replace('listen 80;', `listen 127.0.0.1:${port};`)
        .replace('bind :80', `bind 127.0.0.1:${port}`)
        .replace(/^:80 \{/m, `http://127.0.0.1:${port} {`)
        .replace('<VirtualHost *:80>', `Listen 127.0.0.1:${port}\n<VirtualHost *:${port}>`),
    );
    const { text, command } = PROGRAMS[name](directory, local, port);
    const file = join(directory, 'config');
    await writeFile(file, text);
    const [program = '', ...args] = command;
    let output = '';
    const child = spawn(program, [...args, file], { env: { ...process.env, HOME: directory }, detached: true });
    for (const stream of [child.stdout, child.stderr])
      stream.on('data', (chunk: Buffer) => (output += chunk.toString()));
    const proxy = new Proxy(port, directory, child);
    try {
      // Any answer will do.
      const url = `http://127.0.0.1:${port}/rdev/health`;
      await eventually(async () => child.exitCode !== null || (await fetch(url)), 20_000);
      if (child.exitCode === null) return proxy;
    } catch {
      // What it wrote says more.
    }
    await proxy.stop();
    throw new Error(`${name} does not answer:\n${output}`);
  }

  get baseUrl(): string {
    return `http://127.0.0.1:${this.port}`;
  }

  async stop(): Promise<void> {
    if (this.child.pid !== undefined) signal(-this.child.pid, 'SIGKILL');
    await rm(this.directory, { recursive: true, force: true, maxRetries: 10 });
  }
}
