import { Transform } from 'class-transformer';
import { IsIn, IsInt, IsOptional, IsString, Matches, Max, Min, MinLength } from 'class-validator';
import {
  IsEgressList,
  IsNetworks,
  IsObjects,
  IsOrigins,
  IsProxyUrl,
  IsPostgresUrl,
  IsPublicUrl,
  IsQuantities,
  IsQuantity,
  IsTexts,
  IsTrustProxy,
} from './validators.js';
import { ToInteger, ToJson, ToList, ToQuantities, Variable } from './variable.js';

const DAYS_MAX = 36_500;
const GIB = 2 ** 30;
const DNS_NAME = /^[a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?$/;

/**
 * Every environment variable that rdev reads, with its format and default. Values are validated only here.
 */
export class Environment {
  @Variable('Port of the HTTP listener; 0 picks a free port and logs it')
  @ToInteger()
  @IsInt()
  @Min(0)
  @Max(65_535)
  PORT = 8080;

  @Variable('Address of the HTTP listener. The local runtime isolates nothing and listens on loopback only')
  @IsString()
  @MinLength(1)
  HOST = '127.0.0.1';

  @Variable('Port of the Prometheus listener, on the address HOST; 0 picks a free port and logs it')
  @ToInteger()
  @IsInt()
  @Min(0)
  @Max(65_535)
  METRICS_PORT = 9464;

  @Variable('PostgreSQL 14 or newer, as `postgres://user:password@host:port/database`', 'embedded outside a cluster', {
    secret: true,
  })
  @IsOptional()
  @IsPostgresUrl()
  DATABASE_URL?: string;

  @Variable(
    'The same database without a pooler, for migrations, LISTEN, session locks and prepared statements. Give the role a `statement_timeout` and an `idle_in_transaction_session_timeout` then, such as 30s and 60s, and `jit = off`: through a pooler rdev cannot set its own',
    'DATABASE_URL',
    {
      secret: true,
    },
  )
  @IsOptional()
  @IsPostgresUrl()
  DATABASE_DIRECT_URL?: string;

  @Variable(
    'The same database as the role that owns the tables, without a pooler, for migrations. They give the role of DATABASE_URL the privileges that it needs, and create it if they can. The API itself does without this variable if migrations run elsewhere. See audit.md',
    'none: the role of DATABASE_URL owns the tables; embedded: a role of its own',
    { secret: true },
  )
  @IsOptional()
  @IsPostgresUrl()
  DATABASE_OWNER_URL?: string;

  @Variable('Host of PostgreSQL, instead of DATABASE_URL', 'in a cluster `postgres.databases.svc`')
  @IsOptional()
  @IsString()
  POSTGRES_HOST?: string;

  @Variable('Port of PostgreSQL')
  @ToInteger()
  @IsInt()
  @Min(1)
  @Max(65_535)
  POSTGRES_PORT = 5432;

  @Variable('Database in PostgreSQL')
  @IsString()
  POSTGRES_DB = 'rdev';

  @Variable('User of PostgreSQL')
  @IsString()
  POSTGRES_USER = 'rdev';

  @Variable('Password of that user', 'none', { secret: true })
  @IsOptional()
  @IsString()
  POSTGRES_PASSWORD?: string;

  @Variable('User that owns the tables, instead of DATABASE_OWNER_URL', 'none')
  @IsOptional()
  @IsString()
  POSTGRES_OWNER_USER?: string;

  @Variable('Password of that user', 'none', { secret: true })
  @IsOptional()
  @IsString()
  POSTGRES_OWNER_PASSWORD?: string;

  @Variable(
    'TLS mode for PostgreSQL, as in libpq: disable, require, verify-ca or verify-full. A mode in the URL takes precedence',
    'none: what the URL says; with POSTGRES_CA_FILE `verify-full`',
  )
  @IsOptional()
  @IsIn(['disable', 'require', 'verify-ca', 'verify-full'])
  POSTGRES_SSLMODE?: 'disable' | 'require' | 'verify-ca' | 'verify-full';

  @Variable('PEM file with the CA of the PostgreSQL certificate', "none: the system's, as Node has them")
  @IsOptional()
  @IsString()
  POSTGRES_CA_FILE?: string;

  @Variable('Directory of the embedded database, local projects and the admin key')
  @IsString()
  RDEV_DATA_DIR = '.rdev';

  @Variable('Runtime of projects: `local`, `kubernetes`, or `auto`: kubernetes inside a cluster, otherwise local')
  @IsIn(['auto', 'local', 'kubernetes'])
  RDEV_RUNTIME: 'auto' | 'local' | 'kubernetes' = 'auto';

  @Variable('Namespace of the project pods')
  @Matches(/^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/, { message: 'must be a DNS-1123 label' })
  RDEV_NAMESPACE = 'default';

  @Variable(
    'Default image of project pods: `sh` with coreutils, git, and ssh for `git@` addresses. It runs as user 1000',
  )
  @IsString()
  RDEV_WORKSPACE_IMAGE = 'buildpack-deps:stable-scm';

  @Variable('Default size of project volumes')
  @IsQuantity()
  RDEV_STORAGE_SIZE = '10Gi';

  @Variable('Default storage class of project volumes', "the cluster's default")
  @IsOptional()
  @IsString()
  RDEV_STORAGE_CLASS?: string;

  @Variable(
    'Default resource requests of project pods. A resource that is limited but not listed gets its default request, as Kubernetes would otherwise request the whole limit',
  )
  @ToQuantities()
  @IsQuantities()
  RDEV_PROJECT_REQUESTS: Record<string, string> = { cpu: '100m', memory: '256Mi', 'ephemeral-storage': '256Mi' };

  @Variable(
    'Default resource limits of project pods. Each ephemeral directory of the pod (`/tmp`, home, spool) is limited to `ephemeral-storage`, or to 10Gi if that is not listed',
  )
  @ToQuantities()
  @IsQuantities()
  RDEV_PROJECT_LIMITS: Record<string, string> = { cpu: '2', memory: '2Gi', 'ephemeral-storage': '10Gi' };

  @Variable(
    'Default destinations that project pods may reach in addition to DNS: address blocks, or `public` for all addresses that are not private, each optionally with `:port`, separated by commas. `none`: nothing',
  )
  @Transform(({ value }: { value: unknown }) => (value === 'none' ? [] : value))
  @ToList()
  @IsEgressList()
  RDEV_PROJECT_EGRESS: string[] = ['public'];

  @Variable('Whether the root file system of project pods is read-only: true or false')
  @IsIn(['true', 'false'])
  RDEV_PROJECT_READ_ONLY_ROOT: 'true' | 'false' = 'true';

  @Variable('Runtime class of project pods, such as `gvisor`', "the cluster's default")
  @IsOptional()
  @Matches(DNS_NAME, { message: 'must be the name of a RuntimeClass' })
  RDEV_PROJECT_RUNTIME_CLASS?: string;

  @Variable('Node selector of project pods, as a JSON object of strings', 'none')
  @IsOptional()
  @ToJson()
  @IsTexts()
  RDEV_PROJECT_NODE_SELECTOR?: Record<string, string>;

  @Variable('Tolerations of project pods, as a JSON list in the form of a pod spec', 'none')
  @IsOptional()
  @ToJson()
  @IsObjects(['key', 'operator', 'value', 'effect', 'tolerationSeconds'])
  RDEV_PROJECT_TOLERATIONS?: object[];

  @Variable(
    "Additional labels of project pods, volumes and network policies, as a JSON object of strings. rdev's own labels take precedence",
    'none',
  )
  @IsOptional()
  @ToJson()
  @IsTexts()
  RDEV_PROJECT_LABELS?: Record<string, string>;

  @Variable("Annotations of project pods, as a JSON object of strings. rdev's own annotations take precedence", 'none')
  @IsOptional()
  @ToJson()
  @IsTexts()
  RDEV_PROJECT_ANNOTATIONS?: Record<string, string>;

  @Variable(
    'User, group and fsGroup of project pods, or `none`: the cluster assigns them, as OpenShift does, or the image does',
  )
  @Transform(({ value }: { value: unknown }) => (value === 'none' ? null : value))
  @ToInteger()
  @IsOptional()
  @IsInt()
  @Min(1)
  @Max(2_147_483_647)
  RDEV_PROJECT_USER: number | null = 1000;

  @Variable('Termination grace period of project pods, in seconds')
  @ToInteger()
  @IsInt()
  @Min(0)
  @Max(3_600)
  RDEV_PROJECT_GRACE_SECONDS = 5;

  @Variable(
    'DNS servers of project pods, as a JSON list in the form of the `egress` of a NetworkPolicy',
    'the pods `k8s-app=kube-dns` in kube-system and 169.254.20.10, on port 53',
  )
  @IsOptional()
  @ToJson()
  @IsObjects(['to', 'ports'])
  RDEV_PROJECT_DNS_EGRESS?: object[];

  @Variable(
    'Initial admin key, in the format of a key. A new one revokes the previous one',
    'generated outside a cluster',
    { secret: true },
  )
  @IsOptional()
  @IsString()
  RDEV_ADMIN_KEY?: string;

  @Variable(
    'Ed25519 private key (PEM) that signs the audit log',
    'in a cluster none, and the log is not signed; elsewhere generated, in `audit.key` of the data directory',
    { secret: true },
  )
  @IsOptional()
  @IsString()
  RDEV_AUDIT_KEY?: string;

  @Variable('The key that RDEV_AUDIT_KEY replaces: it signs its successor', 'none', { secret: true })
  @IsOptional()
  @IsString()
  RDEV_AUDIT_FORMER_KEY?: string;

  @Variable('Running commands per project')
  @ToInteger()
  @IsInt()
  @Min(1)
  @Max(10_000)
  CONCURRENT_COMMANDS = 5;

  @Variable('Running commands per replica')
  @ToInteger()
  @IsInt()
  @Min(0)
  @Max(10_000)
  RDEV_MAX_RUNNING = 200;

  @Variable('Queued commands per project')
  @ToInteger()
  @IsInt()
  @Min(1)
  @Max(1_000_000)
  RDEV_MAX_QUEUED = 1000;

  @Variable('Seconds of waiting that raise the priority of a queued command by one step')
  @ToInteger()
  @IsInt()
  @Min(1)
  @Max(604_800)
  RDEV_QUEUE_AGING_SECONDS = 300;

  @Variable('Default output limit: bytes of each stream that are kept')
  @ToInteger()
  @IsInt()
  @Min(1)
  @Max(64 * GIB)
  RDEV_OUTPUT_LIMIT_BYTES = 64 * 2 ** 20;

  @Variable('Upper bound of `maxOutputBytes`')
  @ToInteger()
  @IsInt()
  @Min(1)
  @Max(64 * GIB)
  RDEV_OUTPUT_LIMIT_MAX_BYTES = GIB;

  @Variable('Days that output is kept')
  @ToInteger()
  @IsInt()
  @Min(1)
  @Max(DAYS_MAX)
  RDEV_OUTPUT_RETENTION_DAYS = 30;

  @Variable('Days that commands are kept')
  @ToInteger()
  @IsInt()
  @Min(1)
  @Max(DAYS_MAX)
  RDEV_COMMAND_RETENTION_DAYS = 90;

  @Variable('Days that events are kept; at least 30, as the database drops none earlier')
  @ToInteger()
  @IsInt()
  @Min(1)
  @Max(DAYS_MAX)
  RDEV_EVENT_RETENTION_DAYS = 400;

  @Variable('Whether reads of output and of the audit are recorded, too: true or false')
  @IsIn(['true', 'false'])
  RDEV_AUDIT_READS: 'true' | 'false' = 'false';

  @Variable('YAML file with the rules that allow and deny commands; read at startup', 'none: all are allowed')
  @IsOptional()
  @IsString()
  RDEV_POLICY_FILE?: string;

  @Variable('Seconds a node may be unreachable before its commands are marked `lost`')
  @ToInteger()
  @IsInt()
  @Min(1)
  @Max(604_800)
  RDEV_LOST_AFTER_SECONDS = 600;

  @Variable(
    'Seconds after a command started for which its project has a connection and two shells ready for the next one, per replica; 0: none',
  )
  @ToInteger()
  @IsInt()
  @Min(0)
  @Max(3_600)
  RDEV_STANDBY_SECONDS = 60;

  @Variable('Open streams and long polls per key and replica')
  @ToInteger()
  @IsInt()
  @Min(1)
  @Max(100_000)
  RDEV_MAX_STREAMS = 200;

  @Variable(
    'URL by which clients reach the API, such as `https://example.com/rdev`; the start of every URL that rdev returns. The proxy must strip its path',
    'none: URLs are paths',
  )
  @IsOptional()
  @IsPublicUrl()
  RDEV_PUBLIC_URL?: string;

  @Variable(
    'Trusted proxies for `X-Forwarded-For`: their addresses and CIDRs, separated by commas, or the number of hops. See proxies.md for what a proxy must do',
    'none',
  )
  @IsOptional()
  @IsTrustProxy()
  TRUST_PROXY?: string;

  @Variable(
    'Addresses and CIDRs to which webhooks may be sent although they are not public, separated by commas',
    'none: public addresses only',
  )
  @IsOptional()
  @IsNetworks()
  WEBHOOK_ALLOWED_CIDRS?: string;

  @Variable('Proxy for webhooks to `https://` URLs', 'none', {
    secret: true,
  })
  @IsOptional()
  @IsProxyUrl()
  HTTPS_PROXY?: string;

  @Variable('Proxy for webhooks to `http://` URLs', 'none', { secret: true })
  @IsOptional()
  @IsProxyUrl()
  HTTP_PROXY?: string;

  @Variable(
    'Hosts that webhooks reach without a proxy: names, suffixes such as `.example.com`, separated by commas',
    'none',
  )
  @IsOptional()
  @IsString()
  NO_PROXY?: string;

  @Variable(
    'Requests per second and key, over a sliding window of 10 s: 10 means 100 in any 10 s, bursts allowed. 0: unlimited. ' +
      'The same limit applies to failed authentication attempts per client address',
  )
  @ToInteger()
  @IsInt()
  @Min(0)
  @Max(100_000)
  RATE_LIMIT_RPS = 10;

  @Variable('Allowed CORS origins, such as `https://app.example`, separated by commas', 'none')
  @IsOptional()
  @IsOrigins()
  CORS_ORIGINS?: string;

  @Variable('Lowest log level: fatal, error, warn, info, debug, trace or silent')
  @IsIn(['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'])
  LOG_LEVEL = 'info';

  @Variable('Kubeconfig, used only with RDEV_RUNTIME=kubernetes outside a cluster', '~/.kube/config')
  @IsOptional()
  @IsString()
  KUBECONFIG?: string;
}
