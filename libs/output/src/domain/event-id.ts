import { InvalidCursor } from '@app/kernel';
import { type CommandSummary, type Position, hasEnded } from '@app/commands';

/** A client's position: the bytes of each stream that it has, and whether it has seen the end. Opaque to clients. */
export interface EventId {
  readonly position: Position;
  readonly complete: boolean;
}

export function formatEventId({ position, complete }: EventId): string {
  return `${String(position.stdout)}-${String(position.stderr)}${complete ? '-end' : ''}`;
}

/** @throws {@link InvalidCursor} unless it is an id from a stream */
export function parseEventId(text: string): EventId {
  const match = /^(\d{1,15})-(\d{1,15})(-end)?$/.exec(text);
  if (match === null) throw new InvalidCursor();
  return { position: { stdout: Number(match[1]), stderr: Number(match[2]) }, complete: match[3] !== undefined };
}

/** Whether the id is the one that the command's stream sent with its end; any other is only a position. */
export function isEndOf({ status, position: end }: Pick<CommandSummary, 'status' | 'position'>, id: EventId): boolean {
  const { position, complete } = id;
  return complete && hasEnded(status) && position.stdout === end.stdout && position.stderr === end.stderr;
}
