import type { PageRequest } from '@app/kernel';
import { ApiPropertyOptional } from '@nestjs/swagger';
import { IsOptional, IsString, MaxLength } from 'class-validator';
import { QueryInteger } from './input.js';

/** The query parameters of every list. */
export class PageQuery implements PageRequest {
  @QueryInteger({
    minimum: 1,
    maximum: 200,
    default: 50,
    description: 'Maximum number of entries; a page ends earlier at 1 MiB',
  })
  limit = 50;

  @ApiPropertyOptional({ maxLength: 512, description: '`nextCursor` of the previous page' })
  @IsOptional()
  @IsString()
  @MaxLength(512)
  cursor?: string;
}
