import { decodeTime, monotonicFactory } from 'ulid';

export type IdPrefix = 'cmd' | 'key' | 'whk' | 'dlv' | 'evt' | 'req';

/** Clock corrections are smaller: within this, ids of this process stay ascending. */
const CORRECTION_MS = 1_000;

let ulid = monotonicFactory();
let newest = 0;

/**
 * A new time-ordered id such as `cmd_01jd4x…`: a prefix and a lower-case ULID, so ids sort by creation.
 * @param at the current time; from the shared {@link Clock} for stored rows, since the id determines the partition
 */
export function newId(prefix: IdPrefix, at = new Date()): string {
  const time = at.getTime();
  // After a jump, follow the clock back. Otherwise all further ids would be in the future.
  if (time < newest - CORRECTION_MS) {
    ulid = monotonicFactory();
    newest = 0;
  }
  newest = Math.max(newest, time);
  return `${prefix}_${ulid(time).toLowerCase()}`;
}

/** When an id was created, by the clock of its creation. @throws Error if it is not an id */
export function idTime(id: string): Date {
  return new Date(decodeTime(id.slice(id.indexOf('_') + 1).toUpperCase()));
}

/** Whether the text has the format of an id with the prefix. */
export function isId(prefix: IdPrefix, text: string): boolean {
  return new RegExp(`^${prefix}_[0-7][0-9a-hjkmnp-tv-z]{25}$`).test(text);
}

/** The smallest possible id of a time: smaller ids are older. */
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
