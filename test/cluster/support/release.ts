import { type SpawnOptions, execFile, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { dirname } from 'node:path';
import { createInterface } from 'node:readline';
import { promisify } from 'node:util';
import { CHART, type Values, toolPath } from '../../chart/support/helm.js';
import { HttpClient } from '../../support/index.js';
import { kubeconfigs } from './test-cluster.js';

const run = promisify(execFile);
const WAIT = ['--wait', '--timeout', '240s'];

export interface Replicas {
  readonly wanted: number;
  readonly ready: number;
}

/** A release of the chart, in a namespace of its own, with the administrator's helm and kubectl. */
export class Release {
  readonly name = 'rdev';
  readonly namespace = `rdev-chart-${randomBytes(4).toString('hex')}`;
  readonly projectsNamespace = `${this.namespace}-projects`;
  private readonly env = {
    ...process.env,
    KUBECONFIG: kubeconfigs()[0]?.path,
    PATH: `${dirname(toolPath('kubectl'))}:${process.env.PATH ?? ''}`,
  };

  async helm(args: readonly string[], values: Values = {}): Promise<string> {
    return this.run('helm', [...args, '--namespace', this.namespace], JSON.stringify(values));
  }

  /** Answers what helm prints, the notes. */
  install(values: Values): Promise<string> {
    return this.helm(['install', this.name, CHART, '--values', '-', '--create-namespace', ...WAIT], values);
  }

  upgrade(values: Values): Promise<string> {
    return this.helm(['upgrade', this.name, CHART, '--values', '-', ...WAIT], values);
  }

  kubectl(...args: readonly string[]): Promise<string> {
    return this.kubectlWith('', ...args);
  }

  kubectlWith(input: string, ...args: readonly string[]): Promise<string> {
    return this.run('kubectl', ['--namespace', this.namespace, ...args], input);
  }

  private async run(program: 'helm' | 'kubectl', args: readonly string[], input: string): Promise<string> {
    const promise = run(toolPath(program), args, { env: this.env, maxBuffer: 2 ** 25 });
    promise.child.stdin?.end(input);
    return (await promise).stdout;
  }

  /** Every number of replicas that the Deployment wants and has ready, from now on. */
  watchReplicas(): { readonly seen: readonly Replicas[] } & AsyncDisposable {
    const seen: Replicas[] = [];
    const path = String.raw`--output=jsonpath={.spec.replicas} {.status.readyReplicas}{"\n"}`;
    const args = ['--namespace', this.namespace, 'get', 'deployment', this.name, '--watch', path];
    const watch = spawn(toolPath('kubectl'), args, { env: this.env, stdio: ['ignore', 'pipe', 'inherit'] });
    createInterface(watch.stdout).on('line', (line) => {
      const [wanted = 0, ready = 0] = line.split(' ').map(Number);
      seen.push({ wanted, ready });
    });
    return {
      seen,
      [Symbol.asyncDispose]: async () => {
        watch.kill();
        await once(watch, 'close');
      },
    };
  }

  /** Runs a script as a reader of the notes would, in a group of processes of its own. */
  shell(script: string, options: SpawnOptions = {}): ReturnType<typeof spawn> {
    return spawn('sh', ['-euc', script], {
      env: this.env,
      detached: true,
      stdio: ['ignore', 'pipe', 'pipe'],
      ...options,
    });
  }

  /** Speaks to the Service, as the administrator. */
  async client(): Promise<HttpClient> {
    const address = await this.kubectl('get', 'service', this.name, '--output=jsonpath={.spec.clusterIP}');
    return new HttpClient(`http://${address}`, await this.adminKey());
  }

  async adminKey(): Promise<string> {
    const text = await this.kubectl('get', 'secret', 'rdev-admin-key', '--output=jsonpath={.data.admin-key}');
    return Buffer.from(text, 'base64').toString();
  }

  /** Everything in a namespace that the cluster has not put there by itself, as `kind/name`. */
  async objects(namespace = this.namespace): Promise<string[]> {
    const kinds = await this.kubectl('api-resources', '--namespaced', '--verbs=list', '--output=name');
    const wanted = kinds.split('\n').filter((kind) => kind !== '' && !/^(events|endpoints)\b|metrics/.test(kind));
    const names = await this.kubectl(
      'get',
      wanted.join(','),
      '--namespace',
      namespace,
      '--output=name',
      '--ignore-not-found',
    );
    const own = /^(serviceaccount\/default|secret\/default-token-.*|configmap\/kube-root-ca.crt)$/;
    return names.split('\n').filter((name) => name !== '' && !own.test(name));
  }

  async remove(): Promise<void> {
    await this.helm(['uninstall', this.name, '--ignore-not-found']);
    for (const namespace of [this.projectsNamespace, this.namespace]) {
      await this.kubectl('delete', 'namespace', namespace, '--ignore-not-found', '--wait=false');
      await this.kubectl(
        'delete',
        'pods',
        '--all',
        '--namespace',
        namespace,
        '--grace-period=0',
        '--force',
        '--wait=false',
      );
    }
  }
}
