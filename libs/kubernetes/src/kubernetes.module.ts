import { Install } from '@app/kernel';
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

const FIRST_LOOK_MS = 3_000;

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
          useFactory: (client: KubernetesClient, { id }: Install) => new PodInformer(client, { install: id }),
          inject: [KubernetesClient, Install],
        },
      ],
      exports: [KubernetesClient, PodExec, PodInformer],
    };
  }

  /**
   * A replica serves when it has seen the pods, so that no request meets one that knows of none. It does not wait for a
   * cluster that is not there: rdev starts without it, and says so when asked whether it is ready.
   */
  async onApplicationBootstrap(): Promise<void> {
    this.informer.start();
    await this.informer.firstLook(FIRST_LOOK_MS);
  }

  async onApplicationShutdown(): Promise<void> {
    await this.informer.stop();
    this.client.close();
  }
}
