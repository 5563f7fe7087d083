import { Install } from '@app/kernel';
import { CacheMetrics } from '@app/metrics';
import { Circuits } from '@app/resilience';
import {
  type DynamicModule,
  Inject,
  Module,
  type OnApplicationBootstrap,
  type OnApplicationShutdown,
} from '@nestjs/common';
import type { KubernetesOptions } from './kube-config.js';
import { KubernetesClient } from './kubernetes-client.js';
import { PodExec } from './pod-exec.js';
import { PodInformer } from './pod-informer.js';

const FIRST_SYNC_MS = 3_000;

/** One cluster: provides {@link KubernetesClient}, {@link PodExec} and a {@link PodInformer} that runs with the app. */
@Module({})
export class KubernetesModule implements OnApplicationBootstrap, OnApplicationShutdown {
  constructor(
    @Inject(PodInformer) private readonly informer: PodInformer,
    @Inject(KubernetesClient) private readonly client: KubernetesClient,
    circuits: Circuits,
    caches: CacheMetrics,
  ) {
    caches.add('pods', informer);
    circuits.add('kubernetes', client.circuit);
  }

  /** @throws Error when the app is built, if the credentials cannot be loaded */
  static with(options: KubernetesOptions): DynamicModule {
    return {
      module: KubernetesModule,
      global: true,
      providers: [
        { provide: KubernetesClient, useFactory: () => KubernetesClient.open(options) },
        { provide: PodExec, useFactory: (client: KubernetesClient) => new PodExec(client), inject: [KubernetesClient] },
        {
          provide: PodInformer,
          useFactory: (client: KubernetesClient, { id }: Install) => new PodInformer(client, { install: id }),
          inject: [KubernetesClient, Install],
        },
      ],
      exports: [KubernetesClient, PodExec, PodInformer],
    };
  }

  /**
   * Waits for the first list of pods, so that no request is served before it. It does not wait for an unavailable
   * cluster: rdev starts without it, and reports it in its readiness.
   */
  async onApplicationBootstrap(): Promise<void> {
    this.informer.start();
    await this.informer.firstSync(FIRST_SYNC_MS);
  }

  async onApplicationShutdown(): Promise<void> {
    await this.informer.stop();
    this.client.close();
  }
}
