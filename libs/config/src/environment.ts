import { Transform } from 'class-transformer';
import { IsIn, IsInt, IsOptional, IsString, Matches, Max, Min, MinLength } from 'class-validator';
import {
  IsEgressList,
  IsObjects,
  IsOrigins,
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
 * Every environment variable that rdev reads, with its form and its default. Values are checked here and nowhere else.
 */
export class Environment {
  @Variable('Port of the HTTP listener; 0 takes any that is free and logs it')
  @ToInteger()
  @IsInt()
  @Min(0)
  @Max(65_535)
  PORT = 8080;

  @Variable('Address of the HTTP listener. The local runtime isolates nothing and listens on loopback only')
  @IsString()
  @MinLength(1)
  HOST = '127.0.0.1';

  @Variable('Port of the Prometheus listener, on the address HOST; 0 takes any that is free and logs it')
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
    'The same database past a pooler, for migrations, LISTEN, session locks and prepared statements. Give the role a `statement_timeout` and an `idle_in_transaction_session_timeout` then, such as 30s and 60s, and `jit = off`: through a pooler rdev cannot set its own',
    'DATABASE_URL',
    {
      secret: true,
    },
  )
  @IsOptional()
  @IsPostgresUrl()
  DATABASE_DIRECT_URL?: string;

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

  @Variable(
    'How TLS is used with PostgreSQL, as in libpq: disable, require, verify-ca or verify-full. What a URL says itself goes before',
    'none: what the URL says; with POSTGRES_CA_FILE `verify-full`',
  )
  @IsOptional()
  @IsIn(['disable', 'require', 'verify-ca', 'verify-full'])
  POSTGRES_SSLMODE?: 'disable' | 'require' | 'verify-ca' | 'verify-full';

  @Variable('PEM file with the CA of the certificate of PostgreSQL', "none: the system's, as Node has them")
  @IsOptional()
  @IsString()
  POSTGRES_CA_FILE?: string;

  @Variable('Directory of the embedded database, local projects and the admin key')
  @IsString()
  RDEV_DATA_DIR = '.rdev';

  @Variable('Where projects live: `local`, `kubernetes`, or `auto`: kubernetes inside a cluster, else local')
  @IsIn(['auto', 'local', 'kubernetes'])
  RDEV_RUNTIME: 'auto' | 'local' | 'kubernetes' = 'auto';

  @Variable('Namespace of the project pods')
  @Matches(/^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/, { message: 'must be a DNS-1123 label' })
  RDEV_NAMESPACE = 'default';

  @Variable(
    'Image of project pods that ask for no other: `sh` with coreutils, git, and ssh for `git@` addresses. It runs as user 1000',
  )
  @IsString()
  RDEV_WORKSPACE_IMAGE = 'buildpack-deps:stable-scm';

  @Variable('Size of the volume of a project that asks for no other')
  @IsQuantity()
  RDEV_STORAGE_SIZE = '10Gi';

  @Variable('Storage class of the volumes of projects that ask for no other', "the cluster's default")
  @IsOptional()
  @IsString()
  RDEV_STORAGE_CLASS?: string;

  @Variable(
    'What each project pod is given at least, unless it asks for something else. What is left out and limited is requested by its default, as Kubernetes would request the whole limit',
  )
  @ToQuantities()
  @IsQuantities()
  RDEV_PROJECT_REQUESTS: Record<string, string> = { cpu: '100m', memory: '256Mi', 'ephemeral-storage': '256Mi' };

  @Variable(
    'What each project pod may use at most, unless it asks for something else. Each directory that goes with the pod (`/tmp`, its home, its spool) holds as much as `ephemeral-storage`, or 10Gi where that is left out',
  )
  @ToQuantities()
  @IsQuantities()
  RDEV_PROJECT_LIMITS: Record<string, string> = { cpu: '2', memory: '2Gi', 'ephemeral-storage': '10Gi' };

  @Variable(
    'What project pods may reach besides the name server, unless they ask for something else: address blocks, or `public` for all that are not private, each with `:port` or without, separated by commas. `none`: nothing',
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

  @Variable('Node labels that project pods need, as a JSON object of texts', 'none')
  @IsOptional()
  @ToJson()
  @IsTexts()
  RDEV_PROJECT_NODE_SELECTOR?: Record<string, string>;

  @Variable('Taints that project pods tolerate, as a JSON list in the form of a pod', 'none')
  @IsOptional()
  @ToJson()
  @IsObjects(['key', 'operator', 'value', 'effect', 'tolerationSeconds'])
  RDEV_PROJECT_TOLERATIONS?: object[];

  @Variable(
    "More labels of project pods, volumes and network policies, as a JSON object of texts. rdev's own go before",
    'none',
  )
  @IsOptional()
  @ToJson()
  @IsTexts()
  RDEV_PROJECT_LABELS?: Record<string, string>;

  @Variable("Annotations of project pods, as a JSON object of texts. rdev's own go before", 'none')
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

  @Variable('Seconds that project pods have to end')
  @ToInteger()
  @IsInt()
  @Min(0)
  @Max(3_600)
  RDEV_PROJECT_GRACE_SECONDS = 5;

  @Variable(
    'Where project pods ask for names, as a JSON list in the form of the `egress` of a NetworkPolicy',
    'the pods `k8s-app=kube-dns` in kube-system and 169.254.20.10, on port 53',
  )
  @IsOptional()
  @ToJson()
  @IsObjects(['to', 'ports'])
  RDEV_PROJECT_DNS_EGRESS?: object[];

  @Variable(
    'Admin key to start with, in the format of a key. A new one revokes the former',
    'generated outside a cluster',
    { secret: true },
  )
  @IsOptional()
  @IsString()
  RDEV_ADMIN_KEY?: string;

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

  @Variable('Seconds of waiting that raise a queued command by one priority')
  @ToInteger()
  @IsInt()
  @Min(1)
  @Max(604_800)
  RDEV_QUEUE_AGING_SECONDS = 300;

  @Variable('Bytes of each output stream that are kept, unless a command asks for another limit')
  @ToInteger()
  @IsInt()
  @Min(1)
  @Max(64 * GIB)
  RDEV_OUTPUT_LIMIT_BYTES = 64 * 2 ** 20;

  @Variable('The most bytes that `maxOutputBytes` may ask for')
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

  @Variable('Days that events are kept')
  @ToInteger()
  @IsInt()
  @Min(1)
  @Max(DAYS_MAX)
  RDEV_EVENT_RETENTION_DAYS = 400;

  @Variable('YAML file with the rules that allow and deny commands; read at the start', 'none: all are allowed')
  @IsOptional()
  @IsString()
  RDEV_POLICY_FILE?: string;

  @Variable('Seconds of patience with a node that does not answer, before its commands count as lost')
  @ToInteger()
  @IsInt()
  @Min(1)
  @Max(604_800)
  RDEV_LOST_AFTER_SECONDS = 600;

  @Variable('Open streams and long polls per key and replica')
  @ToInteger()
  @IsInt()
  @Min(1)
  @Max(100_000)
  RDEV_MAX_STREAMS = 200;

  @Variable(
    'Where clients reach the API, such as `https://example.com/rdev`, used in every URL that is given out. A proxy has to take the path away',
    'none: URLs are paths',
  )
  @IsOptional()
  @IsPublicUrl()
  RDEV_PUBLIC_URL?: string;

  @Variable(
    'Proxies to believe about the client address: their addresses or CIDRs, separated by commas, or a hop count. See proxies.md for what they have to do',
    'none',
  )
  @IsOptional()
  @IsTrustProxy()
  TRUST_PROXY?: string;

  @Variable(
    'Requests per second and key, over a sliding window of 10 s: 10 means 100 in any 10 s, bursts allowed. 0 is off. ' +
      'As many attempts of an address to authenticate may fail',
  )
  @ToInteger()
  @IsInt()
  @Min(0)
  @Max(100_000)
  RATE_LIMIT_RPS = 10;

  @Variable('Origins whose pages may call from a browser, as `https://app.example`, separated by commas', 'none')
  @IsOptional()
  @IsOrigins()
  CORS_ORIGINS?: string;

  @Variable('Least important log lines: fatal, error, warn, info, debug, trace or silent')
  @IsIn(['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'])
  LOG_LEVEL = 'info';

  /** kubectl's variable: which kubeconfig to use outside a cluster. */
  @Variable('Kubeconfig, used only with RDEV_RUNTIME=kubernetes outside a cluster', '~/.kube/config')
  @IsOptional()
  @IsString()
  KUBECONFIG?: string;
}
