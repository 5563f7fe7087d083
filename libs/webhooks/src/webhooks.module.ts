import { PublicUrl } from '@app/http';
import { Callbacks } from '@app/kernel';
import { OutboundHttp } from '@app/outbound-http';
import { type DynamicModule, Module, type OnApplicationShutdown } from '@nestjs/common';
import { TypeOrmModule } from '@nestjs/typeorm';
import { DeliveriesController } from './adapters/http/deliveries.controller.js';
import { StandardWebhooksSender } from './adapters/http/standard-webhooks.sender.js';
import { WebhooksController } from './adapters/http/webhooks.controller.js';
import { CallbackEntity } from './adapters/postgres/callback.entity.js';
import { PostgresCallbackRepository } from './adapters/postgres/postgres-callback.repository.js';
import { PostgresDeliveryRepository } from './adapters/postgres/postgres-delivery.repository.js';
import { PostgresKeyStates } from './adapters/postgres/postgres-key-states.js';
import { PostgresWebhookRepository } from './adapters/postgres/postgres-webhook.repository.js';
import { DeliveryAttemptEntity, DeliveryEntity, WebhookEntity } from './adapters/postgres/webhook.entities.js';
import { WebhookMetrics, webhookMetrics } from './adapters/prometheus/webhook-metrics.js';
import { CallbackRepository } from './application/callback.repository.js';
import { CommandCallbacks } from './application/command-callbacks.js';
import { DeliveryDispatcher } from './application/delivery-dispatcher.js';
import { DeliveryRepository } from './application/delivery.repository.js';
import { FanOut } from './application/fan-out.js';
import { KeyStates } from './application/key-states.js';
import { Links } from './application/links.js';
import { MessageSender } from './application/message-sender.js';
import { WebhookRepository } from './application/webhook.repository.js';
import { WebhookState } from './application/webhook-state.js';
import { WebhooksService } from './application/webhooks.service.js';

@Module({})
export class WebhooksModule implements OnApplicationShutdown {
  constructor(private readonly http: OutboundHttp) {}

  /** @param http reaches what the operator allows */
  static with(http: OutboundHttp): DynamicModule {
    return {
      module: WebhooksModule,
      imports: [TypeOrmModule.forFeature([WebhookEntity, CallbackEntity, DeliveryEntity, DeliveryAttemptEntity])],
      controllers: [WebhooksController, DeliveriesController],
      providers: [
        WebhooksService,
        FanOut,
        DeliveryDispatcher,
        WebhookState,
        WebhookMetrics,
        ...webhookMetrics,
        { provide: OutboundHttp, useValue: http },
        { provide: MessageSender, useClass: StandardWebhooksSender },
        { provide: WebhookRepository, useClass: PostgresWebhookRepository },
        { provide: DeliveryRepository, useClass: PostgresDeliveryRepository },
        { provide: CallbackRepository, useClass: PostgresCallbackRepository },
        { provide: KeyStates, useClass: PostgresKeyStates },
        { provide: Callbacks, useClass: CommandCallbacks },
        { provide: Links, useExisting: PublicUrl },
      ],
      exports: [Callbacks, WebhookState],
    };
  }

  async onApplicationShutdown(): Promise<void> {
    await this.http.close();
  }
}
