import { ApiProperty, ApiPropertyOptional } from '@nestjs/swagger';

export class InvalidFieldResponse {
  @ApiProperty({ example: '#/script' })
  pointer!: string;

  @ApiProperty({ example: 'must be a string' })
  detail!: string;
}

/** The body of every error. @see RFC 9457 */
export class ProblemResponse {
  @ApiProperty({ example: 'urn:rdev:problem:not-found' })
  type!: string;

  @ApiProperty({ example: 'Not found' })
  title!: string;

  @ApiProperty({ example: 404 })
  status!: number;

  @ApiProperty({ example: 'There is no project "web".' })
  detail!: string;

  @ApiProperty({ example: '/v1/projects/web' })
  instance!: string;

  @ApiProperty({ example: 'NOT_FOUND', description: 'Stable, machine-readable' })
  code!: string;

  @ApiProperty({ type: String, nullable: true, example: 'req_01jd…' })
  requestId!: string | null;

  @ApiProperty({ description: 'Whether the same request may succeed later' })
  retryable!: boolean;

  @ApiPropertyOptional({ type: [InvalidFieldResponse], description: 'The invalid fields' })
  errors?: InvalidFieldResponse[];
}
