import { decodeTime, monotonicFactory } from 'ulid';

export type IdPrefix = 'cmd' | 'key' | 'whk' | 'dlv' | 'evt' | 'req';

/** Clocks are corrected by less: within that, ids of this process go up. */
const CORRECTION_MS = 1_000;

let ulid = monotonicFactory();
let newest = 0;

/**
 * A new time-ordered id such as `cmd_01jd4x…`: a lower-case ULID behind its prefix, so ids sort by creation.
 * @param at now, by the shared {@link Clock} for all that is stored: the time within an id chooses its partition
 */
export function newId(prefix: IdPrefix, at = new Date()): string {
  const time = at.getTime();
  // After a jump ids go back with their clock. Else all that follow would be of a time that has not come.
  if (time < newest - CORRECTION_MS) {
    ulid = monotonicFactory();
    newest = 0;
  }
  newest = Math.max(newest, time);
  return `${prefix}_${ulid(time).toLowerCase()}`;
}

/** When an id was made, by the clock that it was made with. @throws if it is none */
export function idTime(id: string): Date {
  return new Date(decodeTime(id.slice(id.indexOf('_') + 1).toUpperCase()));
}

/** Whether the text has the form of an id of that kind. */
export function isId(prefix: IdPrefix, text: string): boolean {
  return new RegExp(`^${prefix}_[0-7][0-9a-hjkmnp-tv-z]{25}$`).test(text);
}

/** The smallest id that could have been made at that time: ids below it are older. */
export function idFloor(prefix: IdPrefix, at: Date): string {
  const alphabet = '0123456789abcdefghjkmnpqrstvwxyz';
  let rest = at.getTime();
  let time = '';
  for (let i = 0; i < 10; i++) {
    time = alphabet.charAt(rest % 32) + time;
    rest = Math.floor(rest / 32);
  }
  return `${prefix}_${time}${'0'.repeat(16)}`;
}
