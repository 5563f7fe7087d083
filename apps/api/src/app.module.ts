import { ApiKeysModule } from '@app/apikeys';
import { CommandLimits, CommandPolicy, CommandsModule } from '@app/commands';
import { Config } from '@app/config';
import { Database, DatabaseModule, type PartitionedTable } from '@app/database';
import { HealthModule, type ReadinessChecks } from '@app/health';
import { HttpModule, RateLimitModule } from '@app/http';
import { KubernetesModule } from '@app/kubernetes';
import { MetricsModule } from '@app/metrics';
import { LocalModule, Workspaces } from '@app/local';
import { ProjectDefaults, ProjectRuntime, ProjectsModule } from '@app/projects';
import { QueueLimits, QueueModule } from '@app/queue';
import { TelemetryModule } from '@app/telemetry';
import { type DynamicModule, Module } from '@nestjs/common';
import { EventEmitterModule } from '@nestjs/event-emitter';

/** Puts the parts together; holds no rule of its own. */
@Module({})
export class AppModule {
  /**
   * @param databaseUrl where the database is, embedded or not
   * @param policy what commands are allowed; all if absent
   */
  static with(config: Config, databaseUrl: string, policy = new CommandPolicy()): DynamicModule {
    const platform = platformOf(config);
    const projects = ProjectsModule.with(config.runtime, platform, projectDefaults(config));
    const { commands: limits } = config;
    const commands = CommandsModule.with({
      runtime: config.runtime,
      imports: [projects, platform],
      policy,
      limits: new CommandLimits(
        limits.runningPerProjectMax,
        limits.queuedPerProjectMax,
        limits.queueAgingSeconds,
        limits.outputBytesDefault,
        limits.outputBytesMax,
        limits.lostAfterSeconds,
      ),
    });
    return {
      module: AppModule,
      imports: [
        TelemetryModule.with(config.logLevel),
        MetricsModule.with(config.metrics),
        EventEmitterModule.forRoot(),
        HttpModule,
        RateLimitModule.with({
          requestsPerSecond: config.http.rateLimitRps,
          streamsPerKeyMax: config.http.streamsPerKeyMax,
        }),
        DatabaseModule.with({
          url: databaseUrl,
          directUrl: config.database.directUrl ?? databaseUrl,
          partitionedTables: partitionedTables(config),
        }),
        ApiKeysModule.with(config.http.rateLimitRps),
        projects,
        commands,
        QueueModule.with({
          limits: new QueueLimits(limits.runningPerProjectMax, limits.runningPerReplicaMax, limits.queueAgingSeconds),
          imports: [projects, commands],
        }),
        HealthModule.with({ imports: [projects], inject: [Database, ProjectRuntime], useFactory: readinessChecks }),
      ],
      providers: [{ provide: Config, useValue: config }],
    };
  }
}

function platformOf({ runtime, dataDir, localEnvironment, kubernetes }: Config): DynamicModule {
  if (runtime === 'local') return LocalModule.with(new Workspaces(dataDir, localEnvironment));
  return KubernetesModule.with({
    mode: kubernetes.inCluster ? 'in-cluster' : 'kubeconfig',
    namespace: kubernetes.namespace,
    ...(kubernetes.kubeconfig !== null && { kubeconfigPath: kubernetes.kubeconfig }),
  });
}

function projectDefaults({ projects }: Config): ProjectDefaults {
  const { image, storageSize: size, storageClass: className, requests, limits, egress, readOnlyRoot } = projects;
  return new ProjectDefaults(image, { size, className }, { requests, limits }, egress, readOnlyRoot);
}

const UNENDED = `SELECT 1 FROM commands WHERE status IN ('queued', 'starting', 'running') AND id < $1 LIMIT 1`;

function partitionedTables({ retentionDays }: Config): PartitionedTable[] {
  return [
    { table: 'commands', period: 'month', key: 'cmd', retentionDays: retentionDays.commands, inUse: UNENDED },
    { table: 'command_output', period: 'day', key: 'cmd', retentionDays: retentionDays.output, inUse: UNENDED },
    { table: 'events', period: 'month', key: 'timestamp', retentionDays: retentionDays.events },
  ];
}

function readinessChecks(database: Database, runtime: ProjectRuntime): ReadinessChecks {
  return [
    { name: 'database', check: () => database.assertReachable() },
    { name: 'migrations', check: () => database.assertMigrated() },
    { name: 'runtime', check: (signal) => runtime.check(signal) },
  ];
}
