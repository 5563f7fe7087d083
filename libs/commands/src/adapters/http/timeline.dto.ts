import { ApiProperty } from '@nestjs/swagger';
import type { CommandSummary } from '../../domain/command.js';
import { MILESTONES, timelineOf } from '../../domain/timeline.js';

export class TimelineEntryResponse {
  @ApiProperty({ enum: MILESTONES })
  event!: string;

  @ApiProperty({ type: String, format: 'date-time' })
  at!: string;

  @ApiProperty({ type: 'integer', description: 'Milliseconds since the previous entry' })
  sincePreviousMs!: number;

  @ApiProperty({ type: 'integer', description: 'Milliseconds since the command was queued' })
  sinceQueuedMs!: number;
}

export class TimelineResponse {
  @ApiProperty()
  commandId!: string;

  @ApiProperty({ type: [TimelineEntryResponse] })
  data!: TimelineEntryResponse[];
}

export function toTimeline(command: CommandSummary): TimelineResponse {
  return {
    commandId: command.id,
    data: timelineOf(command).map((entry) => ({ ...entry, at: entry.at.toISOString() })),
  };
}
