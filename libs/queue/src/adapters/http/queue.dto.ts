import { ApiProperty } from '@nestjs/swagger';
import type { QueueOverview } from '../../application/queue.service.js';
import type { ProjectQueue } from '../../application/queue.repository.js';

export class BacklogResponse {
  @ApiProperty({ type: 'integer', description: 'Queued commands' })
  depth!: number;

  @ApiProperty({ type: 'number', nullable: true, description: 'How long the oldest command has waited' })
  oldestWaitSeconds!: number | null;
}

export class PrioritiesResponse {
  @ApiProperty({ type: BacklogResponse })
  low!: BacklogResponse;

  @ApiProperty({ type: BacklogResponse })
  normal!: BacklogResponse;

  @ApiProperty({ type: BacklogResponse })
  high!: BacklogResponse;

  @ApiProperty({ type: BacklogResponse })
  urgent!: BacklogResponse;
}

export class ProjectQueueResponse extends BacklogResponse {
  @ApiProperty()
  projectId!: string;

  @ApiProperty()
  paused!: boolean;

  @ApiProperty({ type: 'integer', description: 'Commands that hold a slot' })
  running!: number;

  @ApiProperty({ type: PrioritiesResponse, description: 'By requested priority' })
  priorities!: PrioritiesResponse;
}

export class QueueResponse {
  @ApiProperty({ description: 'Whether every queue is paused' })
  paused!: boolean;

  @ApiProperty({
    type: [ProjectQueueResponse],
    description: 'Projects with queued or running commands, or a paused queue, by id',
  })
  data!: ProjectQueueResponse[];

  @ApiProperty({ type: String, nullable: true })
  nextCursor!: string | null;
}

export class PauseResponse {
  @ApiProperty({ type: String, nullable: true, description: 'Null: all projects' })
  projectId!: string | null;

  @ApiProperty()
  paused!: boolean;
}

export function toResponse({ isPaused, data, nextCursor }: QueueOverview): QueueResponse {
  return { paused: isPaused, data: data.map(toProjectQueue), nextCursor };
}

function toProjectQueue({ isPaused, ...queue }: ProjectQueue): ProjectQueueResponse {
  return { ...queue, paused: isPaused };
}
