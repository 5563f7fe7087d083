import { QueryInteger } from '@app/http';
import { ApiProperty, ApiPropertyOptional } from '@nestjs/swagger';
import { Transform } from 'class-transformer';
import { IsBoolean, IsIn, IsOptional, IsString, MaxLength } from 'class-validator';
import type { StreamName } from '@app/supervisor';

const SAFE = Number.MAX_SAFE_INTEGER;

export class OutputQuery {
  @ApiPropertyOptional({ enum: ['stdout', 'stderr'], default: 'stdout', description: 'Stream of the raw bytes' })
  @IsOptional()
  @IsString()
  @IsIn(['stdout', 'stderr'])
  stream: StreamName = 'stdout';

  @QueryInteger({ minimum: 0, maximum: SAFE, default: 0, description: 'Offset of the first byte' })
  from = 0;

  @QueryInteger({
    minimum: 1,
    maximum: SAFE,
    description: 'Maximum number of bytes (raw) or frames (JSON: 1 to 200, default 50; a page has at most 1 MiB)',
  })
  limit?: number;

  @ApiPropertyOptional({ maxLength: 64, description: 'For JSON: `nextCursor` of the previous page' })
  @IsOptional()
  @IsString()
  @MaxLength(64)
  cursor?: string;

  @ApiPropertyOptional({ type: Boolean, default: false, description: 'Stream raw bytes to the end of the command' })
  @IsOptional()
  @Transform(({ value }: { value: unknown }) => (value === 'true' ? true : value === 'false' ? false : value))
  @IsBoolean()
  follow = false;

  @ApiPropertyOptional({
    enum: ['head-tail'],
    description: 'The beginning and the end, with the size of the gap between them',
  })
  @IsOptional()
  @IsString()
  @IsIn(['head-tail'])
  view?: 'head-tail';

  @QueryInteger({ minimum: 256, maximum: 1_048_576, default: 16_384, description: 'For `view`' })
  maxBytes = 16_384;
}

export class FrameResponse {
  @ApiProperty({ enum: ['output', 'gap'] })
  type!: 'output' | 'gap';

  @ApiProperty({ enum: ['stdout', 'stderr'] })
  stream!: StreamName;

  @ApiPropertyOptional({ type: 'integer', description: 'Position of the first byte in its stream; only with `output`' })
  offset?: number;

  @ApiPropertyOptional()
  data?: string;

  @ApiPropertyOptional({ enum: ['utf-8', 'base64'] })
  encoding?: 'utf-8' | 'base64';

  @ApiPropertyOptional({ type: 'integer', description: 'First missing byte; only with `gap`' })
  from?: number;

  @ApiPropertyOptional({ type: 'integer', description: 'First byte after the gap' })
  to?: number;

  @ApiPropertyOptional()
  reason?: string;
}

export class OutputPage {
  @ApiProperty({ type: [FrameResponse], description: 'At most 1 MiB of JSON' })
  data!: FrameResponse[];

  @ApiProperty({
    type: String,
    nullable: true,
    description: 'Null if the command has ended and everything was returned',
  })
  nextCursor!: string | null;

  @ApiProperty({
    description: 'The command has ended and this page reaches the end of its output, even if bytes are missing',
  })
  complete!: boolean;
}
