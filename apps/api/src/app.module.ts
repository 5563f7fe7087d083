import { ApiKeysModule } from '@app/apikeys';
import { AuditModule } from '@app/audit';
import { CommandLimits, CommandsModule, commandPartitions } from '@app/commands';
import { Config } from '@app/config';
import { DatabaseModule, type PartitionedTable } from '@app/database';
import { HealthModule } from '@app/health';
import { GuardsModule, HttpModule } from '@app/http';
import { RateLimitModule } from '@app/rate-limit';
import { KubernetesModule, type KubernetesOptions } from '@app/kubernetes';
import { MetricsModule } from '@app/metrics';
import { LocalModule, Workspaces } from '@app/local';
import { EventsModule, eventPartitions } from '@app/events';
import { ExecutionModule } from '@app/execution';
import { IdempotencyModule } from '@app/idempotency';
import { ProjectDefaults, ProjectsModule } from '@app/projects';
import { OutputModule, outputPartitions } from '@app/output';
import { CommandPolicy, PolicyModule } from '@app/policy';
import { EnqueuingModule, QueueLimits, QueueModule } from '@app/queue';
import { TelemetryModule } from '@app/telemetry';
import { type DynamicModule, Module } from '@nestjs/common';
import { EventEmitterModule } from '@nestjs/event-emitter';
import { OutboundHttp } from '@app/outbound-http';
import { WebhooksModule } from '@app/webhooks';
import { checks, sources } from './health-sources.js';

/** Wires the modules together; contains no logic of its own. */
@Module({})
export class AppModule {
  /**
   * @param policy which commands are allowed; default: all
   */
  static with(config: Config, databaseUrl: string, policy = new CommandPolicy()): DynamicModule {
    const platform = platformOf(config);
    const projects = ProjectsModule.with(config.runtime, platform, projectDefaults(config));
    const queueLimits = new QueueLimits(config.commands);
    const webhooks = WebhooksModule.with(
      new OutboundHttp({ allowed: config.webhooks.allowedNetworks, proxy: config.webhooks.proxy }),
    );
    const audit = AuditModule.with(config.audit);
    const commands = CommandsModule.with({
      limits: new CommandLimits(config.commands),
      rules: policy,
      imports: [projects, webhooks, audit, EnqueuingModule.with(queueLimits)],
    });
    const policies = PolicyModule.with({ policy, imports: [projects, commands] });
    const output = OutputModule.with([commands]);
    const execution = ExecutionModule.with({
      runtime: config.runtime,
      standbySeconds: config.commands.standbySeconds,
      imports: [projects, platform, commands, output, policies],
    });
    return {
      module: AppModule,
      imports: [
        TelemetryModule.with(config.logLevel),
        MetricsModule.with(config.metrics),
        EventEmitterModule.forRoot(),
        HttpModule.with(config.http),
        RateLimitModule.with(config.http.rateLimitRps),
        DatabaseModule.with({
          url: databaseUrl,
          directUrl: config.database.directUrl ?? databaseUrl,
          partitionedTables: partitionedTables(config),
        }),
        ApiKeysModule.with(config.http.rateLimitRps),
        GuardsModule,
        EventsModule.with(config.audit.recordsReads),
        IdempotencyModule,
        projects,
        commands,
        policies,
        output,
        execution,
        QueueModule.with({ limits: queueLimits, imports: [projects, commands, execution] }),
        webhooks,
        audit,
        HealthModule.with({ imports: [projects, commands, webhooks], checks, sources }),
      ],
      providers: [{ provide: Config, useValue: config }],
    };
  }
}

function platformOf(config: Config): DynamicModule {
  return config.runtime === 'local'
    ? LocalModule.with(new Workspaces(config.dataDir, config.localEnvironment))
    : KubernetesModule.with(clusterOf(config));
}

/** The cluster of the runtime `kubernetes`. */
export function clusterOf({ kubernetes }: Config): KubernetesOptions {
  return {
    mode: kubernetes.inCluster ? 'in-cluster' : 'kubeconfig',
    namespace: kubernetes.namespace,
    ...(kubernetes.kubeconfig !== null && { kubeconfigPath: kubernetes.kubeconfig }),
  };
}

function projectDefaults({ projects }: Config): ProjectDefaults {
  const { image, storageSize: size, storageClass: className, requests, limits, egress, readOnlyRoot, pod } = projects;
  return new ProjectDefaults(image, { size, className }, { requests, limits }, egress, readOnlyRoot, pod);
}

function partitionedTables({ retentionDays }: Config): PartitionedTable[] {
  return [
    commandPartitions(retentionDays.commands),
    outputPartitions(retentionDays.output),
    eventPartitions(retentionDays.events),
  ];
}
