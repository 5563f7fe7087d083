import { type SpawnSyncReturns, spawnSync } from 'node:child_process';
import { join, resolve } from 'node:path';
import { loadAllYaml } from '@kubernetes/client-node';

export const CHART = resolve('helm/rdev');

/** Values of a chart, nested. */
export type Values = Readonly<Record<string, unknown>>;

const { HELM_TOOLS } = process.env;

/** A program of the suite's own, `helm` or `kubectl`. */
export function toolPath(name: 'helm' | 'kubectl'): string {
  if (!HELM_TOOLS) throw new Error('Run this by `npm run test:chart` or `npm run test:cluster`, which fetch helm.');
  return join(HELM_TOOLS, name);
}

/** Runs helm with values on its stdin, which `--values -` reads. */
export function helm(
  args: readonly string[],
  values: Values = {},
  program = toolPath('helm'),
): SpawnSyncReturns<string> {
  const env = { ...process.env, HELM_CACHE_HOME: '/tmp/rdev-helm', HELM_CONFIG_HOME: '/tmp/rdev-helm' };
  return spawnSync(program, args, { input: JSON.stringify(values), encoding: 'utf8', env });
}

/** Runs Helm 3, which many teams still have. */
export function helm3(args: readonly string[], values: Values = {}): SpawnSyncReturns<string> {
  const { HELM_3_TOOLS } = process.env;
  if (!HELM_3_TOOLS) throw new Error('Run this by `npm run test:chart` or `npm run test:cluster`, which fetch helm.');
  return helm(args, values, join(HELM_3_TOOLS, 'helm'));
}

export interface KubeObject {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: { readonly name: string; readonly namespace?: string; readonly [key: string]: any };
  readonly [key: string]: any;
}

/** What the chart makes of the values, as text, Secrets of its own included: there is no cluster to look into. */
export function renderText(values: Values = {}, options: readonly string[] = []): string {
  const secrets = ['--set', 'generateSecrets=always'];
  const args = ['template', 'rdev', CHART, '--namespace', 'rdev', '--values', '-', ...secrets, ...options];
  const { status, stdout, stderr } = helm(args, values);
  if (status !== 0) throw new Error(stderr);
  return stdout;
}

/** The same as objects, typed as the client has them: it calls `from` of a NetworkPolicy `_from`. */
export function render(values: Values = {}, options: readonly string[] = []): KubeObject[] {
  return loadAllYaml(renderText(values, options)).filter((object): object is KubeObject => object !== null);
}

/** What helm says against the values. */
export function refusal(values: Values): string {
  const { status, stderr } = helm(['template', 'rdev', CHART, '--values', '-'], values);
  if (status === 0) throw new Error('It was rendered.');
  return stderr;
}

export function find(objects: readonly KubeObject[], kind: string, name = 'rdev'): KubeObject {
  const found = objects.find((object) => object.kind === kind && object.metadata.name === name);
  if (!found) throw new Error(`There is no ${kind} ${name}.`);
  return found;
}

/** Every pod, or template of pods, with the name of what makes it. */
export function podsOf(objects: readonly KubeObject[]): { name: string; metadata: any; spec: any }[] {
  return objects.flatMap(({ kind, metadata, spec }) => {
    if (kind === 'Pod') return [{ name: `${kind} ${metadata.name}`, metadata, spec }];
    return spec?.template?.spec ? [{ name: `${kind} ${metadata.name}`, ...spec.template }] : [];
  });
}
