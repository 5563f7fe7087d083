/** Time series in the notation of promtool, by their name and labels: `a+bxn` is a, and n more values, each b greater. */
export type Series = Readonly<Record<string, string>>;

export interface AlertCase {
  readonly alert: string;
  readonly title: string;
  /** In place of those of {@link HEALTHY}; an empty text removes one. */
  readonly series: Series;
  /** Minutes after which the alert fires. */
  readonly at: number;
  /** What its description then says. */
  readonly says: string;
  /** Besides the severity. */
  readonly labels?: Readonly<Record<string, string>>;
  /** What is nearly the same, and no reason for the alert at that time. */
  readonly unlike: Series;
}

const STATUS_200 = 'http_requests_total{route="/v1/commands/:id",status="200"}';
const STATUS_503 = 'http_requests_total{route="/v1/commands/:id",status="503"}';
const READ = 'http_request_duration_seconds_bucket{method="GET",route="/v1/commands/:id",status="200"';
const WAIT = 'http_request_duration_seconds_bucket{method="GET",route="/v1/commands/:id/wait",status="200"';
const QUEUED = 'rdev_queue_wait_seconds_bucket{priority="normal"';
const DEPTH = 'rdev_queue_depth{priority="normal"}';
const LOST = 'rdev_commands_total{type="shell",status="lost"}';

const NEVER = '0x200';
const steadily = (perMinute: number): string => `0+${String(perMinute)}x200`;

/** Two hours of a replica with some load: no alert fires. */
export const HEALTHY: Series = {
  up: '1x200',
  process_start_time_seconds: '1000x200',
  [STATUS_200]: steadily(600),
  [STATUS_503]: steadily(6),
  // Probes: a replica that starts.
  'http_requests_total{route="/ready",status="503"}': steadily(600),
  [`${READ},le="1"}`]: steadily(600),
  [`${READ},le="2.5"}`]: steadily(600),
  [`${READ},le="+Inf"}`]: steadily(600),
  // Clients that wait for commands.
  [`${WAIT},le="1"}`]: NEVER,
  [`${WAIT},le="60"}`]: steadily(600),
  [`${WAIT},le="+Inf"}`]: steadily(600),
  nodejs_eventloop_lag_p99_seconds: '0.02x200',
  process_open_fds: '100x200',
  process_max_fds: '1000x200',
  [DEPTH]: '3x200',
  'rdev_queue_depth{priority="high"}': NEVER,
  rdev_commands_active: '2x200',
  'rdev_commands_total{type="shell",status="succeeded"}': steadily(10),
  [LOST]: '2x200',
  [`${QUEUED},le="60"}`]: steadily(10),
  [`${QUEUED},le="300"}`]: steadily(10),
  [`${QUEUED},le="900"}`]: steadily(10),
  [`${QUEUED},le="+Inf"}`]: steadily(10),
  rdev_database_waiting: NEVER,
  'rdev_circuit_state{circuit="kubernetes"}': NEVER,
  rdev_audit_unsealed: '4x200',
  rdev_audit_unsealed_seconds: '0.1x200',
  rdev_webhook_delivery_late_seconds: NEVER,
  rdev_webhook_circuits_open: NEVER,
};

export const ALERT_CASES: readonly AlertCase[] = [
  {
    alert: 'RdevDown',
    title: 'no replica can be scraped',
    series: { up: '1x10 0x190' },
    at: 15,
    says: 'Prometheus has scraped no replica for two minutes. Clients can probably not reach the API either.',
    unlike: { up: '1x13 0x1 1x190' },
  },
  {
    alert: 'RdevDown',
    title: 'there is no replica to scrape',
    series: { up: '' },
    at: 5,
    labels: { namespace: 'rdev' },
    says: 'Prometheus has scraped no replica for two minutes. Clients can probably not reach the API either.',
    unlike: {},
  },
  {
    alert: 'RdevReplicasMissing',
    title: 'one of two replicas is gone',
    series: { 'up{instance="b"}': '1x10 0x190' },
    at: 30,
    says: 'Prometheus scrapes 1 of 2 replicas.',
    unlike: { 'up{instance="b"}': '1x20 0x5 1x175' },
  },
  {
    alert: 'RdevRestarting',
    title: 'a container starts three times within an hour',
    series: { process_start_time_seconds: '1000x10 2000x10 3000x10 4000x170' },
    at: 40,
    says: 'One replica has started 3 times within an hour.',
    unlike: { process_start_time_seconds: '1000x10 2000x10 3000x180' },
  },
  {
    alert: 'RdevErrors',
    title: 'a tenth of the requests fail',
    series: { [STATUS_200]: steadily(540), [STATUS_503]: steadily(60) },
    at: 15,
    says: '10% of requests get a 5xx response.',
    unlike: { 'http_requests_total{route="/v1/commands/:id",status="429"}': steadily(600) },
  },
  {
    alert: 'RdevRequestsSlow',
    title: 'a tenth of the reads take more than a second',
    series: { [`${READ},le="1"}`]: steadily(540) },
    at: 20,
    says: '5% of reads take longer than 1.75s. Waits, output and exports are not counted.',
    unlike: { [`${READ},le="1"}`]: steadily(580) },
  },
  {
    alert: 'RdevEventLoopLag',
    title: 'one replica is late for ten minutes',
    series: { nodejs_eventloop_lag_p99_seconds: '0.8x200' },
    at: 15,
    says: 'Its event loop is late by 800ms (99th percentile), and all its requests with it.',
    unlike: { nodejs_eventloop_lag_p99_seconds: '0.8x8 0.02x190' },
  },
  {
    alert: 'RdevDescriptorsShort',
    title: 'a replica uses nine tenths of its descriptors',
    series: { process_open_fds: '900x200' },
    at: 10,
    says: 'It uses 90% of them. Without any it accepts no connections.',
    unlike: { process_open_fds: '700x200' },
  },
  {
    alert: 'RdevDatabaseUnavailable',
    title: 'one of two replicas cannot read the queue',
    series: { 'up{instance="b"}': '1x200', [`rdev_queue_depth{instance="b",priority="normal"}`]: '3x10 stale' },
    at: 20,
    says: 'The replicas are reachable, but at least one of them cannot read the queue.',
    unlike: { 'up{instance="b"}': '1x200', [`rdev_queue_depth{instance="b",priority="normal"}`]: '0x200' },
  },
  {
    alert: 'RdevDatabaseUnavailable',
    title: 'the only replica cannot',
    series: { [DEPTH]: '' },
    at: 5,
    says: 'The replicas are reachable, but at least one of them cannot read the queue.',
    unlike: { up: '0x200', [DEPTH]: '' },
  },
  {
    alert: 'RdevDatabasePoolExhausted',
    title: 'statements wait at each scrape',
    series: { rdev_database_waiting: '7x200' },
    at: 10,
    says: 'In one replica 7 statements wait, as all connections of its pool are in use.',
    unlike: { rdev_database_waiting: '7x3 0x1 7x3 0x193' },
  },
  {
    alert: 'RdevOutputWritesFail',
    title: 'each write fails',
    series: { 'rdev_output_write_seconds_count{result="failed"}': '0+120x200' },
    at: 15,
    says: '2 writes per second fail. Commands go on; their output waits in their pods.',
    unlike: {
      'rdev_output_write_seconds_count{result="failed"}': '5x200',
      'rdev_output_write_seconds_count{result="refused"}': '0+120x200',
    },
  },
  {
    alert: 'RdevCircuitOpen',
    title: 'the circuit of the cluster is open, and half open between',
    series: { 'rdev_circuit_state{circuit="kubernetes"}': '2 1 2 2 1 2x195' },
    at: 4,
    labels: { circuit: 'kubernetes' },
    says: 'The circuit breaker "kubernetes" of a replica has not been closed for two minutes.',
    unlike: { 'rdev_circuit_state{circuit="kubernetes"}': '2 0 2 0 2 0x195' },
  },
  {
    alert: 'RdevCommandsLost',
    title: 'commands are lost after others',
    series: { [LOST]: '2x20 4x180' },
    at: 25,
    says: 'About 2 commands were lost in the last 15 minutes. Nobody knows how they ended.',
    unlike: { [LOST]: '2x4 4x196' },
  },
  {
    alert: 'RdevCommandsLost',
    title: 'the first command of a replica is lost',
    series: { [LOST]: '_x20 1x180' },
    at: 25,
    says: 'About 1 commands were lost in the last 15 minutes. Nobody knows how they ended.',
    unlike: { 'rdev_commands_total{type="shell",status="failed"}': '_x20 1x180' },
  },
  {
    alert: 'RdevQueueStalled',
    title: 'three commands are queued and none runs',
    series: { rdev_commands_active: '0x200' },
    at: 10,
    says: '3 commands are queued, and no replica has run any for five minutes.',
    unlike: { rdev_commands_active: '0x200', [DEPTH]: '0x200' },
  },
  {
    alert: 'RdevQueueWaitLong',
    title: 'a fifth of the commands wait ten minutes',
    series: { [`${QUEUED},le="60"}`]: steadily(8), [`${QUEUED},le="300"}`]: steadily(8) },
    at: 40,
    says: '5% of the commands that start have waited longer than 12m 30s.',
    unlike: { [`${QUEUED},le="60"}`]: steadily(8) },
  },
  {
    alert: 'RdevAuditUnsealed',
    title: 'events wait for minutes',
    series: { rdev_audit_unsealed: '0+5x200', rdev_audit_unsealed_seconds: '0+60x200' },
    at: 20,
    says: '100 events wait, the oldest for more than a minute. Audit, webhooks and event streams do not show them.',
    unlike: { rdev_audit_unsealed: '5000x200' },
  },
  {
    alert: 'RdevWebhooksLate',
    title: 'an attempt is overdue',
    series: { rdev_webhook_delivery_late_seconds: '600x200' },
    at: 10,
    says: 'The attempt that has waited longest is overdue by 10m 0s.',
    unlike: { rdev_webhook_delivery_late_seconds: '200x200' },
  },
  {
    alert: 'RdevWebhookCircuitsOpen',
    title: 'a host does not respond',
    series: { rdev_webhook_circuits_open: '1x200' },
    at: 40,
    says: 'A replica leaves 1 hosts alone for a while since their last attempts have failed.',
    unlike: { rdev_webhook_circuits_open: '1x25 0x175' },
  },
];
