import { Transform } from 'class-transformer';
import { IsIn, IsInt, IsOptional, IsString, Matches, Max, Min, MinLength } from 'class-validator';
import { IsEgressList, IsOrigins, IsPostgresUrl, IsQuantities, IsTrustProxy, QUANTITY } from './validators.js';
import { ToInteger, ToList, ToQuantities, Variable } from './variable.js';

const DAYS_MAX = 36_500;
const GIB = 2 ** 30;

/** Every environment variable that rdev reads, with its form and its default. Values are checked here and nowhere else. */
export class Environment {
  @Variable('Port of the HTTP listener', '8080')
  @ToInteger()
  @IsInt()
  @Min(0)
  @Max(65_535)
  PORT = 8080;

  @Variable(
    'Address of the HTTP listener. The local runtime isolates nothing and listens on loopback only',
    '127.0.0.1',
  )
  @IsString()
  @MinLength(1)
  HOST = '127.0.0.1';

  @Variable('Port of the Prometheus listener, on the address HOST; 0 takes any that is free and logs it', '9464')
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
    'The same database past a pooler, for migrations, LISTEN, session locks and prepared statements. Give the role a `statement_timeout` and an `idle_in_transaction_session_timeout` then, such as 30s and 60s: through a pooler rdev cannot set its own',
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

  @Variable('Port of PostgreSQL', '5432')
  @ToInteger()
  @IsInt()
  @Min(1)
  @Max(65_535)
  POSTGRES_PORT = 5432;

  @Variable('Database in PostgreSQL', 'rdev')
  @IsString()
  POSTGRES_DB = 'rdev';

  @Variable('User of PostgreSQL', 'rdev')
  @IsString()
  POSTGRES_USER = 'rdev';

  @Variable('Password of that user', 'none', { secret: true })
  @IsOptional()
  @IsString()
  POSTGRES_PASSWORD?: string;

  @Variable('Directory of the embedded database, local projects and the admin key', '.rdev')
  @IsString()
  RDEV_DATA_DIR = '.rdev';

  @Variable('Where projects live: `local`, `kubernetes`, or `auto`: kubernetes inside a cluster, else local', 'auto')
  @IsIn(['auto', 'local', 'kubernetes'])
  RDEV_RUNTIME: 'auto' | 'local' | 'kubernetes' = 'auto';

  @Variable('Namespace of the project pods', 'default')
  @Matches(/^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/, { message: 'must be a DNS-1123 label' })
  RDEV_NAMESPACE = 'default';

  @Variable(
    'Image of project pods that ask for no other: `sh` with coreutils, git, and ssh for `git@` addresses. It runs as user 1000',
    'buildpack-deps:stable-scm',
  )
  @IsString()
  RDEV_WORKSPACE_IMAGE = 'buildpack-deps:stable-scm';

  @Variable('Size of the volume of a project that asks for no other', '10Gi')
  @Matches(QUANTITY, { message: 'must be an amount like 10Gi' })
  RDEV_STORAGE_SIZE = '10Gi';

  @Variable('Storage class of the volumes of projects that ask for no other', "the cluster's default")
  @IsOptional()
  @IsString()
  RDEV_STORAGE_CLASS?: string;

  @Variable('What each project pod is given at least, unless it asks for something else', 'cpu=100m,memory=256Mi')
  @ToQuantities()
  @IsQuantities()
  RDEV_PROJECT_REQUESTS: Record<string, string> = { cpu: '100m', memory: '256Mi' };

  @Variable(
    'What each project pod may use at most, unless it asks for something else. Each directory that goes with the pod (`/tmp`, its home, its spool) holds as much as `ephemeral-storage`, or 10Gi where that is left out',
    'cpu=2,memory=2Gi,ephemeral-storage=10Gi',
  )
  @ToQuantities()
  @IsQuantities()
  RDEV_PROJECT_LIMITS: Record<string, string> = { cpu: '2', memory: '2Gi', 'ephemeral-storage': '10Gi' };

  @Variable(
    'What project pods may reach besides the name server, unless they ask for something else: address blocks, or `public` for all that are not private, each with `:port` or without, separated by commas. `none`: nothing',
    'public',
  )
  @Transform(({ value }: { value: unknown }) => (value === 'none' ? [] : value))
  @ToList()
  @IsEgressList()
  RDEV_PROJECT_EGRESS: string[] = ['public'];

  @Variable('Whether the root file system of project pods is read-only: true or false', 'true')
  @IsIn(['true', 'false'])
  RDEV_PROJECT_READ_ONLY_ROOT: 'true' | 'false' = 'true';

  @Variable('Admin key to start with, in the format of a key', 'generated outside a cluster', { secret: true })
  @IsOptional()
  @IsString()
  RDEV_ADMIN_KEY?: string;

  @Variable('Running commands per project', '5')
  @ToInteger()
  @IsInt()
  @Min(1)
  @Max(10_000)
  CONCURRENT_COMMANDS = 5;

  @Variable('Running commands per replica', '200')
  @ToInteger()
  @IsInt()
  @Min(0)
  @Max(10_000)
  RDEV_MAX_RUNNING = 200;

  @Variable('Queued commands per project', '1000')
  @ToInteger()
  @IsInt()
  @Min(1)
  @Max(1_000_000)
  RDEV_MAX_QUEUED = 1000;

  @Variable('Seconds of waiting that raise a queued command by one priority', '300')
  @ToInteger()
  @IsInt()
  @Min(1)
  @Max(604_800)
  RDEV_QUEUE_AGING_SECONDS = 300;

  @Variable('Bytes of each output stream that are kept, unless a command asks for another limit', '67108864 (64 MiB)')
  @ToInteger()
  @IsInt()
  @Min(1)
  @Max(64 * GIB)
  RDEV_OUTPUT_LIMIT_BYTES = 64 * 2 ** 20;

  @Variable('The most bytes that `maxOutputBytes` may ask for', '1073741824 (1 GiB)')
  @ToInteger()
  @IsInt()
  @Min(1)
  @Max(64 * GIB)
  RDEV_OUTPUT_LIMIT_MAX_BYTES = GIB;

  @Variable('Days that output is kept', '30')
  @ToInteger()
  @IsInt()
  @Min(1)
  @Max(DAYS_MAX)
  RDEV_OUTPUT_RETENTION_DAYS = 30;

  @Variable('Days that commands are kept', '90')
  @ToInteger()
  @IsInt()
  @Min(1)
  @Max(DAYS_MAX)
  RDEV_COMMAND_RETENTION_DAYS = 90;

  @Variable('Days that events are kept', '400')
  @ToInteger()
  @IsInt()
  @Min(1)
  @Max(DAYS_MAX)
  RDEV_EVENT_RETENTION_DAYS = 400;

  @Variable('YAML file with the rules that allow and deny commands; read at the start', 'none: all are allowed')
  @IsOptional()
  @IsString()
  RDEV_POLICY_FILE?: string;

  @Variable('Seconds of patience with a node that does not answer, before its commands count as lost', '600')
  @ToInteger()
  @IsInt()
  @Min(1)
  @Max(604_800)
  RDEV_LOST_AFTER_SECONDS = 600;

  @Variable('Open streams and long polls per key and replica', '200')
  @ToInteger()
  @IsInt()
  @Min(1)
  @Max(100_000)
  RDEV_MAX_STREAMS = 200;

  @Variable('Whom to believe about the client address: a hop count, or addresses and CIDRs separated by commas', 'none')
  @IsOptional()
  @IsTrustProxy()
  TRUST_PROXY?: string;

  @Variable(
    'Requests per second and key, over a sliding window of 10 s: 10 means 100 in any 10 s, bursts allowed. 0 is off. ' +
      'As many attempts of an address to authenticate may fail',
    '10',
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

  @Variable('Least important log lines: fatal, error, warn, info, debug, trace or silent', 'info')
  @IsIn(['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'])
  LOG_LEVEL = 'info';

  /** kubectl's variable: which kubeconfig to use outside a cluster. */
  @Variable('Kubeconfig, used only with RDEV_RUNTIME=kubernetes outside a cluster', '~/.kube/config')
  @IsOptional()
  @IsString()
  KUBECONFIG?: string;
}
