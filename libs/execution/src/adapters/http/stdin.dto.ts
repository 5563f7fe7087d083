import { InvalidInput } from '@app/kernel';
import type { StdinPiece } from '@app/supervisor';
import { ApiProperty, ApiPropertyOptional } from '@nestjs/swagger';
import { IsBoolean, IsIn, IsInt, IsOptional, IsString, Max, MaxLength, Min } from 'class-validator';

/** The size limit of a request body. */
const DATA_CHARS_MAX = 1_048_576;
const ENCODINGS = ['utf-8', 'base64'] as const;

export class WriteStdinRequest {
  @ApiPropertyOptional({
    maxLength: DATA_CHARS_MAX,
    example: 'yes\n',
    default: '',
    description: 'If empty, the request only closes stdin, or only returns the offset',
  })
  @IsOptional()
  @IsString()
  @MaxLength(DATA_CHARS_MAX)
  data?: string;

  @ApiPropertyOptional({ enum: ENCODINGS, default: 'utf-8' })
  @IsOptional()
  @IsString()
  @IsIn(ENCODINGS)
  encoding?: (typeof ENCODINGS)[number];

  @ApiPropertyOptional({
    type: 'integer',
    minimum: 0,
    maximum: Number.MAX_SAFE_INTEGER,
    description: 'Number of bytes already written. With it, a repeated request never writes the same data twice',
  })
  @IsOptional()
  @IsInt()
  @Min(0)
  @Max(Number.MAX_SAFE_INTEGER)
  offset?: number;

  @ApiPropertyOptional({ default: false, description: 'Closes stdin after the data' })
  @IsOptional()
  @IsBoolean()
  eof?: boolean;
}

export class StdinResponse {
  @ApiProperty({ type: 'integer', description: 'Bytes written so far: the offset of the next request' })
  offset!: number;
}

/** @throws {@link InvalidInput} if the data does not match the encoding */
export function toPiece({ data, encoding, offset, eof }: WriteStdinRequest): StdinPiece {
  return { data: decode(data ?? '', encoding ?? 'utf-8'), offset: offset ?? null, eof: eof ?? false };
}

/** Node skips characters outside base64, and replaces lone surrogates by U+FFFD; both would change the data. */
function decode(data: string, encoding: (typeof ENCODINGS)[number]): Buffer {
  if (encoding === 'base64') {
    const bytes = Buffer.from(data, 'base64');
    if (bytes.toString('base64') === data) return bytes;
    throw new InvalidInput([{ pointer: '#/data', detail: 'must be base64 with padding (RFC 4648, section 4)' }]);
  }
  if (data.isWellFormed()) return Buffer.from(data);
  throw new InvalidInput([{ pointer: '#/data', detail: 'must not contain half of a surrogate pair' }]);
}
