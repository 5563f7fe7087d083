import { Scoped } from '@app/http';
import { Clock, Install, type LeaseHolder } from '@app/kernel';
import { Circuits } from '@app/resilience';
import { Controller, Get, Inject } from '@nestjs/common';
import { ApiBearerAuth, ApiExtraModels, ApiOkResponse, ApiOperation, ApiTags } from '@nestjs/swagger';
import { Readiness } from './readiness.js';
import { SystemSources } from './system-sources.js';
import { SystemCircuitResponse, SystemPartitionsResponse, SystemPartResponse, SystemResponse } from './system.dto.js';

@ApiTags('system')
@ApiExtraModels(SystemPartResponse, SystemCircuitResponse, SystemPartitionsResponse)
@ApiBearerAuth()
@Controller('v1/system')
export class SystemController {
  constructor(
    private readonly clock: Clock,
    private readonly install: Install,
    private readonly readiness: Readiness,
    private readonly circuits: Circuits,
    @Inject(SystemSources) private readonly sources: SystemSources,
  ) {}

  @Get()
  @Scoped('admin')
  @ApiOperation({ summary: 'State of the install, and of the replica that handles the request' })
  @ApiOkResponse({ type: SystemResponse })
  async system(): Promise<SystemResponse> {
    const { sources, clock } = this;
    const [parts, replicas, leases, events, webhooks, partitions] = await Promise.all([
      this.parts(),
      orNull(sources.replicas().then((found) => found.map(toReplica))),
      orNull(sources.leases().then(toLeases)),
      orNull(sources.events()),
      orNull(sources.webhooks()),
      orNull(sources.partitions().then(toPartitions)),
    ]);
    return {
      version: sources.version,
      installId: this.install.id,
      clock: { now: clock.now().toISOString(), differenceMs: clock.differenceMs },
      parts,
      circuits: toCircuits(this.circuits),
      replicas,
      leases,
      events: events && { ...events, readers: [...events.readers] },
      webhooks,
      partitions,
    };
  }

  private async parts(): Promise<SystemResponse['parts']> {
    const { details } = await this.readiness.check();
    const parts = Object.entries(details).map(([part, { status, reason }]) => [
      part,
      { status, ...(typeof reason === 'string' && { reason }) },
    ]);
    return Object.fromEntries(parts) as SystemResponse['parts'];
  }
}

/** An operator reads this while the database has trouble: what is known is worth more than an error. */
function orNull<T>(read: Promise<T>): Promise<T | null> {
  return read.catch(() => null);
}

type Rows<Source extends keyof SystemSources> = SystemSources[Source] extends () => Promise<infer T> ? T : never;

function toReplica({ name, connectedAt, heartbeatAt }: Rows<'replicas'>[number]) {
  return { name, connectedAt: connectedAt.toISOString(), heartbeatAt: heartbeatAt?.toISOString() ?? null };
}

function toLeases({ commands, projects }: Rows<'leases'>): NonNullable<SystemResponse['leases']> {
  const toLease = ({ owner, count, expiresAt }: LeaseHolder) => ({ owner, count, expiresAt: expiresAt.toISOString() });
  return { commands: commands.map(toLease), projects: projects.map(toLease) };
}

function toPartitions(tables: Rows<'partitions'>): Record<string, SystemPartitionsResponse> {
  const rows = [...tables].map(([table, spans]) => [
    table,
    {
      count: spans.length,
      from: spans[0]?.from.toISOString() ?? null,
      to: spans.at(-1)?.to.toISOString() ?? null,
    },
  ]);
  return Object.fromEntries(rows) as Record<string, SystemPartitionsResponse>;
}

function toCircuits(circuits: Circuits): SystemResponse['circuits'] {
  const states = [...circuits.all()].map(([name, { state, openSince }]) => [
    name,
    { state, openSince: openSince?.toISOString() ?? null },
  ]);
  return Object.fromEntries(states) as SystemResponse['circuits'];
}
