import { InvalidCursor } from '@app/kernel';
import { formatEventId, isEndOf, parseEventId } from './event-id.js';

describe('event ids', () => {
  it.each([
    { position: { stdout: 0, stderr: 0 }, complete: false },
    { position: { stdout: 1, stderr: 1_073_741_824 }, complete: true },
    { position: { stdout: 999_999_999_999_999, stderr: 0 }, complete: false },
  ])('survive a round trip: %j', (id) => {
    expect(parseEventId(formatEventId(id))).toEqual(id);
  });

  it('contain only characters that a header and an SSE field allow', () => {
    expect(formatEventId({ position: { stdout: 12, stderr: 3 }, complete: true })).toMatch(/^[\w-]+$/);
  });

  it.each([
    ['succeeded', '5-3-end', true],
    ['lost', '5-3-end', true],
    ['running', '5-3-end', false],
    ['queued', '5-3-end', false],
    ['succeeded', '5-3', false],
    ['succeeded', '0-0-end', false],
    ['succeeded', '5-2-end', false],
    ['succeeded', '99-99-end', false],
  ] as const)('%s command: whether %s marks its end: %s', (status, id, expected) => {
    expect(isEndOf({ status, position: { stdout: 5, stderr: 3 } }, parseEventId(id))).toBe(expected);
  });

  it.each([
    '',
    '-',
    '1',
    '1-',
    '-1',
    '1-2-',
    '1-2-END',
    '1-2-end ',
    ' 1-2',
    '1-2\n',
    '1.5-2',
    '1e3-2',
    '0x1-2',
    '١-2',
    '9999999999999999-0',
    '1-2-end-end',
    'undefined',
  ])('refuses "%s"', (text) => {
    expect(() => parseEventId(text)).toThrow(InvalidCursor);
  });
});
