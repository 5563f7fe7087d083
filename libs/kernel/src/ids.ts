import { monotonicFactory } from 'ulid';

export type IdPrefix = 'cmd' | 'key' | 'whk' | 'dlv' | 'evt' | 'req';

const ulid = monotonicFactory();

/** A new time-ordered id such as `cmd_01jd4x…`: a lower-case ULID behind its prefix, so ids sort by creation. */
export function newId(prefix: IdPrefix): string {
  return `${prefix}_${ulid().toLowerCase()}`;
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
