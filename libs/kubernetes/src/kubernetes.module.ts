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

/** The way to one cluster: gives {@link KubernetesClient}, {@link PodExec} and a {@link PodInformer} that runs with the app. */
@Module({})
export class KubernetesModule implements OnApplicationBootstrap, OnApplicationShutdown {
  constructor(
    @Inject(PodInformer) private readonly informer: PodInformer,
    @Inject(KubernetesClient) private readonly client: KubernetesClient,
  ) {}

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
          useFactory: (client: KubernetesClient) => new PodInformer(client),
          inject: [KubernetesClient],
        },
      ],
      exports: [KubernetesClient, PodExec, PodInformer],
    };
  }

  /** Does not wait for the cluster: rdev starts without it, and says so when asked whether it is ready. */
  onApplicationBootstrap(): void {
    this.informer.start();
  }

  async onApplicationShutdown(): Promise<void> {
    await this.informer.stop();
    this.client.close();
  }
}
