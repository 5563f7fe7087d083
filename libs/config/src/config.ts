import { join, resolve } from 'node:path';
import { StartRefused } from '@app/kernel';
import { plainToInstance } from 'class-transformer';
import { type ValidationError, validateSync } from 'class-validator';
import type { Environment } from './environment.js';
import { exporterProblems } from './exporter-variables.js';
import { type OpenTelemetryConfig, openTelemetryOf } from './open-telemetry.js';
import { FullEnvironment } from './telemetry-environment.js';
import { pathBeforeNpm } from './path-before-npm.js';

/** The configuration, grouped by concern. Loaded once, before anything starts; tests pass their own. */
export interface Config {
  readonly http: {
    readonly port: number;
    readonly host: string;
    readonly trustProxy: number | readonly string[];
    /** Requests per second and key; 0: no limit. */
    readonly rateLimitRps: number;
    readonly streamsPerKeyMax: number;
    /** Origins from which browsers may call. */
    readonly corsOrigins: readonly string[];
    /** URL by which clients reach the API, without a trailing slash; null: unknown. */
    readonly publicUrl: string | null;
  };
  readonly webhooks: {
    /** Addresses and CIDRs that webhooks may be sent to although they are not public. */
    readonly allowedNetworks: readonly string[];
    readonly proxy: { readonly http?: string; readonly https?: string; readonly noProxy?: string };
  };
  readonly metrics: { readonly port: number; readonly host: string };
  readonly database: {
    /** Null: PostgreSQL is embedded in the data directory. */
    readonly url: string | null;
    readonly directUrl: string | null;
    /** As the role that owns the tables, for migrations; null: the same role. */
    readonly ownerUrl: string | null;
  };
  readonly dataDir: string;
  readonly runtime: 'local' | 'kubernetes';
  readonly kubernetes: { readonly inCluster: boolean; readonly namespace: string; readonly kubeconfig: string | null };
  /** Defaults of projects on Kubernetes. */
  readonly projects: {
    readonly image: string;
    readonly storageSize: string;
    readonly storageClass: string | null;
    readonly requests: Readonly<Record<string, string>>;
    readonly limits: Readonly<Record<string, string>>;
    readonly egress: readonly string[];
    readonly readOnlyRoot: boolean;
    readonly pod: ProjectPods;
  };
  readonly adminKey: string | null;
  readonly audit: {
    /** Whether reads of output and of the audit are recorded. */
    readonly recordsReads: boolean;
    readonly key: string | null;
    readonly formerKey: string | null;
    /** For a generated key; null: none is generated. */
    readonly keyFile: string | null;
  };
  readonly commands: {
    readonly runningPerProjectMax: number;
    readonly runningPerReplicaMax: number;
    readonly queuedPerProjectMax: number;
    readonly agingSeconds: number;
    readonly outputBytesDefault: number;
    readonly outputBytesMax: number;
    readonly lostAfterSeconds: number;
    readonly standbySeconds: number;
    /** Null: every command is allowed. */
    readonly policyFile: string | null;
  };
  readonly retentionDays: { readonly output: number; readonly commands: number; readonly events: number };
  readonly logLevel: string;
  /** Null: off. */
  readonly openTelemetry: OpenTelemetryConfig | null;
  /** The only part of the environment that commands on the local runtime inherit. */
  readonly localEnvironment: Readonly<Record<string, string>>;
}

/** Additional settings of all project pods, in the format of Kubernetes. */
export interface ProjectPods {
  /** Null: the cluster's default. */
  readonly runtimeClassName: string | null;
  readonly nodeSelector: Readonly<Record<string, string>>;
  readonly tolerations: readonly object[];
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
  /** User, group and fsGroup. Null: the cluster's or the image's. */
  readonly user: number | null;
  readonly graceSeconds: number;
  /** Null: the conventional DNS pods of a cluster. */
  readonly dnsEgress: readonly object[] | null;
}

export const Config = Symbol('Config');

/** The environment is invalid; the message names every invalid variable and shows no value. */
export class InvalidConfiguration extends StartRefused {
  constructor(problems: readonly string[]) {
    super(`The configuration is not valid:\n${problems.map((problem) => `  ${problem}`).join('\n')}`);
    this.name = 'InvalidConfiguration';
  }
}

/** @throws {@link InvalidConfiguration} naming every invalid variable */
// eslint-disable-next-line complexity, max-lines-per-function -- one entry for each variable
export function loadConfig(env: Readonly<Record<string, string | undefined>>): Config {
  const given = Object.fromEntries(Object.entries(env).filter(([, value]) => value !== undefined && value !== ''));
  const environment = plainToInstance(FullEnvironment, given, {
    excludeExtraneousValues: true,
    exposeDefaultValues: true,
  });
  const problems = validateSync(environment).map(describeProblem);
  const inCluster = 'KUBERNETES_SERVICE_HOST' in given;
  const runtime = environment.RDEV_RUNTIME === 'auto' ? (inCluster ? 'kubernetes' : 'local') : environment.RDEV_RUNTIME;
  if (runtime === 'local' && !isLoopback(environment.HOST)) {
    problems.push('HOST must be a loopback address with the local runtime, which isolates nothing');
  }
  if (environment.METRICS_PORT === environment.PORT && environment.PORT !== 0) {
    problems.push('METRICS_PORT must differ from PORT');
  }
  if (environment.RDEV_OUTPUT_LIMIT_BYTES > environment.RDEV_OUTPUT_LIMIT_MAX_BYTES) {
    problems.push('RDEV_OUTPUT_LIMIT_BYTES must not exceed RDEV_OUTPUT_LIMIT_MAX_BYTES');
  }
  const openTelemetry = openTelemetryOf(environment);
  if (openTelemetry !== null) problems.push(...exporterProblems(given));
  if (problems.length > 0) throw new InvalidConfiguration(problems);
  const url = withTls(databaseUrl(environment, inCluster), environment);
  const ownerUrl = withTls(databaseOwnerUrl(environment, inCluster), environment);
  if (url === null && ownerUrl !== null)
    throw new InvalidConfiguration(['DATABASE_OWNER_URL needs DATABASE_URL or POSTGRES_HOST']);
  return {
    http: {
      port: environment.PORT,
      host: environment.HOST,
      trustProxy: trustProxy(environment.TRUST_PROXY),
      rateLimitRps: environment.RATE_LIMIT_RPS,
      streamsPerKeyMax: environment.RDEV_MAX_STREAMS,
      corsOrigins: list(environment.CORS_ORIGINS),
      publicUrl: environment.RDEV_PUBLIC_URL?.replace(/\/+$/, '') ?? null,
    },
    webhooks: {
      allowedNetworks: list(environment.WEBHOOK_ALLOWED_CIDRS),
      proxy: proxyOf(environment),
    },
    metrics: { port: environment.METRICS_PORT, host: environment.HOST },
    database: { url, directUrl: withTls(environment.DATABASE_DIRECT_URL ?? null, environment) ?? url, ownerUrl },
    dataDir: resolve(environment.RDEV_DATA_DIR),
    runtime,
    kubernetes: { inCluster, namespace: environment.RDEV_NAMESPACE, kubeconfig: environment.KUBECONFIG ?? null },
    projects: {
      image: environment.RDEV_WORKSPACE_IMAGE,
      storageSize: environment.RDEV_STORAGE_SIZE,
      storageClass: environment.RDEV_STORAGE_CLASS ?? null,
      requests: environment.RDEV_PROJECT_REQUESTS,
      limits: environment.RDEV_PROJECT_LIMITS,
      egress: environment.RDEV_PROJECT_EGRESS,
      readOnlyRoot: environment.RDEV_PROJECT_READ_ONLY_ROOT === 'true',
      pod: projectPods(environment),
    },
    adminKey: environment.RDEV_ADMIN_KEY ?? null,
    audit: {
      recordsReads: environment.RDEV_AUDIT_READS === 'true',
      key: environment.RDEV_AUDIT_KEY ?? null,
      formerKey: environment.RDEV_AUDIT_FORMER_KEY ?? null,
      keyFile: inCluster ? null : join(resolve(environment.RDEV_DATA_DIR), 'audit.key'),
    },
    commands: {
      runningPerProjectMax: environment.CONCURRENT_COMMANDS,
      runningPerReplicaMax: environment.RDEV_MAX_RUNNING,
      queuedPerProjectMax: environment.RDEV_MAX_QUEUED,
      agingSeconds: environment.RDEV_QUEUE_AGING_SECONDS,
      outputBytesDefault: environment.RDEV_OUTPUT_LIMIT_BYTES,
      outputBytesMax: environment.RDEV_OUTPUT_LIMIT_MAX_BYTES,
      lostAfterSeconds: environment.RDEV_LOST_AFTER_SECONDS,
      standbySeconds: environment.RDEV_STANDBY_SECONDS,
      policyFile: environment.RDEV_POLICY_FILE ?? null,
    },
    retentionDays: {
      output: environment.RDEV_OUTPUT_RETENTION_DAYS,
      commands: environment.RDEV_COMMAND_RETENTION_DAYS,
      events: environment.RDEV_EVENT_RETENTION_DAYS,
    },
    logLevel: environment.LOG_LEVEL,
    openTelemetry,
    localEnvironment: pick({ ...given, PATH: pathBeforeNpm(given) }, ['PATH', 'HOME', 'LANG']),
  };
}

function proxyOf({
  HTTP_PROXY: http,
  HTTPS_PROXY: https,
  NO_PROXY: noProxy,
}: Environment): Config['webhooks']['proxy'] {
  return { ...(http && { http }), ...(https && { https }), ...(noProxy && { noProxy }) };
}

function describeProblem({ property, constraints }: ValidationError): string {
  const texts = Object.values(constraints ?? {}).map((text) => text.replace(new RegExp(`^${property} `), ''));
  return `${property} ${texts.join(', ')}`;
}

/** Null: embedded. Never inside a cluster, where the data would be lost with the pod. */
function databaseUrl(env: Environment, inCluster: boolean): string | null {
  if (env.DATABASE_URL !== undefined) return env.DATABASE_URL;
  return urlOfParts(env, inCluster, env.POSTGRES_USER, env.POSTGRES_PASSWORD);
}

/** Null: no role of its own. */
function databaseOwnerUrl(env: Environment, inCluster: boolean): string | null {
  if (env.DATABASE_OWNER_URL !== undefined) return env.DATABASE_OWNER_URL;
  if (env.POSTGRES_OWNER_USER === undefined || env.DATABASE_URL !== undefined) return null;
  return urlOfParts(env, inCluster, env.POSTGRES_OWNER_USER, env.POSTGRES_OWNER_PASSWORD);
}

function urlOfParts(
  { POSTGRES_HOST, POSTGRES_PORT, POSTGRES_DB }: Environment,
  inCluster: boolean,
  user: string,
  password: string | undefined,
): string | null {
  const host = POSTGRES_HOST ?? (inCluster ? 'postgres.databases.svc' : undefined);
  if (host === undefined) return null;
  const url = new URL(`postgres://${host.includes(':') ? `[${host}]` : host}`);
  url.port = String(POSTGRES_PORT);
  url.username = encodeURIComponent(user);
  if (password !== undefined) url.password = encodeURIComponent(password);
  url.pathname = `/${encodeURIComponent(POSTGRES_DB)}`;
  return url.toString();
}

/** The driver reads both from the URL; with `uselibpqcompat` it interprets the modes as libpq does. */
function withTls(
  url: string | null,
  { POSTGRES_CA_FILE: file, POSTGRES_SSLMODE: mode = file === undefined ? undefined : 'verify-full' }: Environment,
): string | null {
  if (url === null || mode === undefined) return url;
  const parsed = new URL(url);
  if (parsed.searchParams.has('sslmode') && parsed.searchParams.has('sslrootcert')) return url;
  if (!parsed.searchParams.has('sslmode')) {
    parsed.searchParams.set('sslmode', mode);
    parsed.searchParams.set('uselibpqcompat', 'true');
  }
  if (file !== undefined && !parsed.searchParams.has('sslrootcert') && parsed.searchParams.get('sslmode') !== 'disable')
    parsed.searchParams.set('sslrootcert', file);
  return parsed.href;
}

function projectPods(environment: Environment): ProjectPods {
  return {
    runtimeClassName: environment.RDEV_PROJECT_RUNTIME_CLASS ?? null,
    nodeSelector: environment.RDEV_PROJECT_NODE_SELECTOR ?? {},
    tolerations: environment.RDEV_PROJECT_TOLERATIONS ?? [],
    labels: environment.RDEV_PROJECT_LABELS ?? {},
    annotations: environment.RDEV_PROJECT_ANNOTATIONS ?? {},
    user: environment.RDEV_PROJECT_USER,
    graceSeconds: environment.RDEV_PROJECT_GRACE_SECONDS,
    dnsEgress: environment.RDEV_PROJECT_DNS_EGRESS ?? null,
  };
}

function trustProxy(value: string | undefined): number | readonly string[] {
  if (value === undefined) return 0;
  return /^\d+$/.test(value) ? Number(value) : list(value);
}

function list(value: string | undefined): string[] {
  return value?.split(',').map((part) => part.trim()) ?? [];
}

function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || /^127(\.\d{1,3}){3}$/.test(host);
}

function pick(env: Readonly<Record<string, unknown>>, names: readonly string[]): Record<string, string> {
  return Object.fromEntries(names.flatMap((name) => (typeof env[name] === 'string' ? [[name, env[name]]] : [])));
}
