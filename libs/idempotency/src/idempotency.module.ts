import { Idempotency } from '@app/kernel';
import { Global, Module } from '@nestjs/common';
import { TypeOrmModule } from '@nestjs/typeorm';
import { IdempotencyKeyEntity } from './idempotency-key.entity.js';
import { PostgresIdempotency } from './postgres-idempotency.js';

@Global()
@Module({
  imports: [TypeOrmModule.forFeature([IdempotencyKeyEntity])],
  providers: [PostgresIdempotency, { provide: Idempotency, useExisting: PostgresIdempotency }],
  exports: [Idempotency],
})
export class IdempotencyModule {}
