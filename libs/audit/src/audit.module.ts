import { RefusalRecorder } from '@app/http';
import { AuditDigest } from '@app/kernel';
import { type DynamicModule, Global, Module } from '@nestjs/common';
import { TypeOrmModule } from '@nestjs/typeorm';
import { AuditController } from './adapters/http/audit.controller.js';
import { LoggedRefusals } from './adapters/http/logged-refusals.js';
import { VerificationController } from './adapters/http/verification.controller.js';
import { AuditKeyEntity, CheckpointEntity } from './adapters/postgres/checkpoint.entities.js';
import { PostgresAuditTrail } from './adapters/postgres/postgres-audit-trail.js';
import { PostgresCheckpointRepository } from './adapters/postgres/postgres-checkpoint.repository.js';
import { PostgresLogArchive } from './adapters/postgres/postgres-log-archive.js';
import { type AuditKeyOptions, AuditKeys } from './application/audit-keys.js';
import { AuditTrail } from './application/audit-trail.js';
import { AuditService } from './application/audit.service.js';
import { CheckpointRepository } from './application/checkpoint.repository.js';
import { Checkpointer } from './application/checkpointer.js';
import { KeyedAuditDigest } from './application/keyed-audit-digest.js';
import { LogArchive } from './application/log-archive.js';
import { Refusals } from './application/refusals.js';
import { Verification } from './application/verification.js';

/** The event log, read as an audit; global because the filter of all requests needs its recorder of refusals. */
@Global()
@Module({})
export class AuditModule {
  static with(keys: AuditKeyOptions): DynamicModule {
    return {
      module: AuditModule,
      imports: [TypeOrmModule.forFeature([CheckpointEntity, AuditKeyEntity])],
      controllers: [AuditController, VerificationController],
      providers: [
        AuditService,
        Refusals,
        Verification,
        Checkpointer,
        { provide: AuditKeys, useFactory: () => AuditKeys.load(keys) },
        { provide: AuditTrail, useClass: PostgresAuditTrail },
        { provide: CheckpointRepository, useClass: PostgresCheckpointRepository },
        { provide: LogArchive, useClass: PostgresLogArchive },
        { provide: RefusalRecorder, useClass: LoggedRefusals },
        { provide: AuditDigest, useClass: KeyedAuditDigest },
      ],
      exports: [AuditDigest, RefusalRecorder],
    };
  }
}
