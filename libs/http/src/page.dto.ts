import type { PageRequest } from '@app/kernel';
import { ApiPropertyOptional } from '@nestjs/swagger';
import { IsOptional, IsString, MaxLength } from 'class-validator';
import { QueryInteger } from './input.js';

/** What every list takes. */
export class PageQuery implements PageRequest {
  @QueryInteger({
    minimum: 1,
    maximum: 200,
    default: 50,
    description: 'Most entries of a page; it ends earlier at 1 MiB',
  })
  limit = 50;

  @ApiPropertyOptional({ maxLength: 512, description: '`nextCursor` of the page before' })
  @IsOptional()
  @IsString()
  @MaxLength(512)
  cursor?: string;
}
