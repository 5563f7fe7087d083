import { InvalidCursor } from '@app/kernel';
import type { Position } from './position.js';

/** Where a client is: the bytes of each stream that it has, and whether it has seen the end. Opaque to clients. */
export interface EventId {
  readonly position: Position;
  readonly complete: boolean;
}

export function formatEventId({ position, complete }: EventId): string {
  return `${String(position.stdout)}-${String(position.stderr)}${complete ? '-end' : ''}`;
}

/** @throws {@link InvalidCursor} unless it is an id that a stream gave */
export function parseEventId(text: string): EventId {
  const match = /^(\d{1,15})-(\d{1,15})(-end)?$/.exec(text);
  if (match === null) throw new InvalidCursor();
  return { position: { stdout: Number(match[1]), stderr: Number(match[2]) }, complete: match[3] !== undefined };
}
