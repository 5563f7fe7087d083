import { CIRCUIT_STATES } from '@app/resilience';
import { ApiProperty } from '@nestjs/swagger';

const LEFT_OUT = 'null while it cannot be read';

class ClockResponse {
  @ApiProperty({ format: 'date-time', description: 'The time of the database, which all replicas share' })
  now!: string;

  @ApiProperty({
    description:
      'Milliseconds by which the clock of this replica is ahead of it; negative if it is behind. Beyond a minute the replica drops no expired data.',
  })
  differenceMs!: number;
}

export class SystemPartResponse {
  @ApiProperty({ enum: ['up', 'down'] })
  status!: string;

  @ApiProperty({ required: false, description: 'Reason for being down' })
  reason?: string;
}

export class SystemCircuitResponse {
  @ApiProperty({
    enum: CIRCUIT_STATES,
    description: '`open`: nothing is sent. `half_open`: one request finds out whether the other side has recovered.',
  })
  state!: string;

  @ApiProperty({ type: String, format: 'date-time', nullable: true, description: 'Since when it has not been closed' })
  openSince!: string | null;
}

class SystemReplicaResponse {
  @ApiProperty({ description: 'Host name of the replica: in a cluster, the name of its pod' })
  name!: string;

  @ApiProperty({ format: 'date-time', description: 'When it connected to the database' })
  connectedAt!: string;

  @ApiProperty({
    type: String,
    format: 'date-time',
    nullable: true,
    description: 'Its last heartbeat, of several in a second. `null`: it uses another database role.',
  })
  heartbeatAt!: string | null;
}

class SystemLeaseResponse {
  @ApiProperty({ description: 'Host name of the replica, and an id that is new after each start' })
  owner!: string;

  @ApiProperty()
  count!: number;

  @ApiProperty({
    format: 'date-time',
    description: 'When the first of them expires unless it is renewed. Another replica then takes it over.',
  })
  expiresAt!: string;
}

class SystemLeasesResponse {
  @ApiProperty({ type: [SystemLeaseResponse], description: 'Commands that are starting or running' })
  commands!: SystemLeaseResponse[];

  @ApiProperty({ type: [SystemLeaseResponse], description: 'Projects that are being reconciled' })
  projects!: SystemLeaseResponse[];
}

class EventReaderResponse {
  @ApiProperty()
  name!: string;

  @ApiProperty({ description: 'How many events it has yet to read' })
  behind!: number;
}

class SystemEventsResponse {
  @ApiProperty({ description: 'Committed events without a place in the log, counted up to 10,000' })
  pending!: number;

  @ApiProperty({ description: 'How many seconds the oldest of them has waited' })
  pendingSeconds!: number;

  @ApiProperty({ type: [EventReaderResponse] })
  readers!: EventReaderResponse[];
}

class SystemWebhooksResponse {
  @ApiProperty({ description: 'Deliveries to enabled webhooks and callbacks, counted up to 10,000' })
  pending!: number;

  @ApiProperty({ description: 'How many seconds the longest waiting attempt is overdue' })
  lateSeconds!: number;

  @ApiProperty({
    description:
      'Hosts, for each key, that this replica leaves alone for a while since their last attempts have failed',
  })
  openCircuits!: number;
}

export class SystemPartitionsResponse {
  @ApiProperty()
  count!: number;

  @ApiProperty({ type: String, format: 'date-time', nullable: true, description: 'Start of the earliest' })
  from!: string | null;

  @ApiProperty({ type: String, format: 'date-time', nullable: true, description: 'End of the last' })
  to!: string | null;
}

export class SystemResponse {
  @ApiProperty({ description: 'Version of rdev' })
  version!: string;

  @ApiProperty({
    format: 'uuid',
    description: 'The identity of this install: the label `rdev.dev/install` of the objects that it creates',
  })
  installId!: string;

  @ApiProperty()
  clock!: ClockResponse;

  @ApiProperty({
    type: 'object',
    additionalProperties: { $ref: '#/components/schemas/SystemPartResponse' },
    description: 'The parts of `GET /ready`, with reasons',
  })
  parts!: Record<string, SystemPartResponse>;

  @ApiProperty({
    type: 'object',
    additionalProperties: { $ref: '#/components/schemas/SystemCircuitResponse' },
    description: 'Circuit breakers of this replica. `kubernetes`: all calls of the Kubernetes API',
  })
  circuits!: Record<string, SystemCircuitResponse>;

  @ApiProperty({
    type: [SystemReplicaResponse],
    nullable: true,
    description: `Replicas that are connected to the database; ${LEFT_OUT}`,
  })
  replicas!: SystemReplicaResponse[] | null;

  @ApiProperty({ type: SystemLeasesResponse, nullable: true, description: `Leases by owner; ${LEFT_OUT}` })
  leases!: SystemLeasesResponse | null;

  @ApiProperty({ type: SystemEventsResponse, nullable: true, description: `Backlog of events; ${LEFT_OUT}` })
  events!: SystemEventsResponse | null;

  @ApiProperty({ type: SystemWebhooksResponse, nullable: true, description: `Backlog of deliveries; ${LEFT_OUT}` })
  webhooks!: SystemWebhooksResponse | null;

  @ApiProperty({
    type: 'object',
    nullable: true,
    additionalProperties: { $ref: '#/components/schemas/SystemPartitionsResponse' },
    description: `Partitions by table; ${LEFT_OUT}`,
  })
  partitions!: Record<string, SystemPartitionsResponse> | null;
}
