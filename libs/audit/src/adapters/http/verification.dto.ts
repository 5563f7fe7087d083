import { ApiProperty } from '@nestjs/swagger';
import type { Verdict } from '../../application/verification.js';
import { FAULTS } from '../../domain/chain.js';
import type { Checkpoint, PublicAuditKey } from '../../domain/checkpoint.js';

export class FaultResponse {
  @ApiProperty({ type: 'integer', description: 'Position of the record' })
  seq!: number;

  @ApiProperty({ type: String, nullable: true, description: 'Null: there is no record at this position' })
  id!: string | null;

  @ApiProperty({ enum: FAULTS })
  reason!: string;

  @ApiProperty()
  detail!: string;
}

export class VerdictResponse {
  @ApiProperty({ description: 'Whether every record is what was sealed, and the checkpoints agree' })
  valid!: boolean;

  @ApiProperty({ type: 'integer', description: 'Records that were checked' })
  checked!: number;

  @ApiProperty({ type: 'integer', description: 'Checkpoints that were checked' })
  checkpoints!: number;

  @ApiProperty({ type: 'integer', nullable: true, description: 'Position of the first record that was checked' })
  firstSeq!: number | null;

  @ApiProperty({ type: 'integer', description: 'Position of the last record that was checked' })
  lastSeq!: number;

  @ApiProperty({ type: FaultResponse, nullable: true, description: 'The first record that is not right' })
  firstBad!: FaultResponse | null;
}

export class CheckpointResponse {
  @ApiProperty({ type: 'integer', description: 'Position of the last record that it vouches for' })
  seq!: number;

  @ApiProperty({ description: 'The seal of that record: SHA-256 in hexadecimal digits' })
  hash!: string;

  @ApiProperty({ type: String, format: 'date-time' })
  at!: string;

  @ApiProperty()
  keyId!: string;

  @ApiProperty({ description: 'Ed25519, in base64' })
  signature!: string;

  @ApiProperty({ description: 'The id of the install' })
  installId!: string;
}

export class CheckpointPage {
  @ApiProperty({ type: [CheckpointResponse] })
  data!: CheckpointResponse[];

  @ApiProperty({ type: String, nullable: true })
  nextCursor!: string | null;
}

export class FormerKeyResponse {
  @ApiProperty()
  keyId!: string;

  @ApiProperty({ description: 'PEM' })
  publicKey!: string;

  @ApiProperty({ type: String, format: 'date-time', description: 'Since when it signs' })
  createdAt!: string;

  @ApiProperty({ type: String, nullable: true, description: 'The key that vouches for it; null: none does' })
  endorsedBy!: string | null;

  @ApiProperty({ type: String, nullable: true, description: 'The signature of `endorsedBy`, in base64' })
  endorsement!: string | null;
}

export class AuditKeyResponse extends FormerKeyResponse {
  @ApiProperty({ enum: ['Ed25519'] })
  algorithm!: string;

  @ApiProperty({ description: 'The id of this install, which checkpoints contain' })
  installId!: string;

  @ApiProperty({ type: [FormerKeyResponse], description: 'Keys that have signed before, newest first' })
  former!: FormerKeyResponse[];
}

export function toVerdictResponse(verdict: Verdict): VerdictResponse {
  return verdict;
}

export function toCheckpointResponse(
  { seq, hash, at, keyId, signature }: Checkpoint,
  installId: string,
): CheckpointResponse {
  return { seq, hash, at: at.toISOString(), keyId, signature, installId };
}

export function toKeyResponse({
  id,
  publicKey,
  createdAt,
  endorsedBy,
  endorsement,
}: PublicAuditKey): FormerKeyResponse {
  return { keyId: id, publicKey, createdAt: createdAt.toISOString(), endorsedBy, endorsement };
}
