import { CommandLeases } from '@app/commands';
import { Database, PartitionStore, Replicas } from '@app/database';
import { EventBacklog } from '@app/events';
import type { HealthOptions, ReadinessChecks, SystemSources } from '@app/health';
import { ProjectRepository, ProjectRuntime } from '@app/projects';
import { WebhookState } from '@app/webhooks';
import { VERSION } from './version.js';

/** What `GET /ready` checks. */
export const checks: HealthOptions['checks'] = {
  inject: [Database, ProjectRuntime],
  useFactory: (database: Database, runtime: ProjectRuntime): ReadinessChecks => [
    { name: 'database', isVital: true, check: () => database.assertReachable() },
    { name: 'migrations', isVital: true, check: () => database.assertMigrated() },
    { name: 'runtime', isVital: !runtime.isRemote, check: (signal) => runtime.check(signal) },
  ],
};

/** What `GET /v1/system` shows. */
export const sources: HealthOptions['sources'] = {
  inject: [Replicas, CommandLeases, ProjectRepository, EventBacklog, WebhookState, PartitionStore],
  useFactory: (
    replicas: Replicas,
    commands: CommandLeases,
    projects: ProjectRepository,
    events: EventBacklog,
    webhooks: WebhookState,
    partitions: PartitionStore,
  ): SystemSources => ({
    version: VERSION,
    replicas: () => replicas.list(),
    leases: async () => ({ commands: await commands.holders(), projects: await projects.leaseHolders() }),
    events: () => events.read(),
    webhooks: () => webhooks.read(),
    partitions: async () => {
      const tables = partitions.tables.map(async ({ table }) => [table, await partitions.spans(table)] as const);
      return new Map(await Promise.all(tables));
    },
  }),
};
