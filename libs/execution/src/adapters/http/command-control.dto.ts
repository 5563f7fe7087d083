import { SIGNAL_NAMES, type SignalName } from '@app/supervisor';
import { ApiProperty, ApiPropertyOptional } from '@nestjs/swagger';
import { Transform } from 'class-transformer';
import { IsIn, IsInt, IsOptional, IsString, Max, Min } from 'class-validator';

export class CancelCommandRequest {
  @ApiPropertyOptional({
    type: 'integer',
    minimum: 0,
    maximum: 3600,
    default: 10,
    description: 'Grace period between SIGTERM and SIGKILL',
  })
  @IsOptional()
  @IsInt()
  @Min(0)
  @Max(3600)
  graceSeconds = 10;
}

export class SignalCommandRequest {
  @ApiProperty({ enum: SIGNAL_NAMES, description: 'With or without SIG' })
  @Transform(({ value }: { value: unknown }) => (typeof value === 'string' ? value.replace(/^SIG/, '') : value))
  @IsString()
  @IsIn(SIGNAL_NAMES)
  signal!: SignalName;
}
