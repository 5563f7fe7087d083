import { aCommand } from '../../testing/index.js';
import { timelineOf } from './timeline.js';

const at = (ms: number): Date => new Date(Date.UTC(2026, 0, 1) + ms);

describe('timelineOf', () => {
  it('lists what has happened so far, with the time in between', () => {
    const command = aCommand({ createdAt: at(0), admittedAt: at(5), startedAt: at(60), firstByteAt: at(61) });
    expect(
      timelineOf(command).map(({ event, sincePreviousMs, sinceQueuedMs }) => [event, sincePreviousMs, sinceQueuedMs]),
    ).toEqual([
      ['queued', 0, 0],
      ['admitted', 5, 5],
      ['started', 55, 60],
      ['first_byte', 1, 61],
    ]);
  });

  it('is ordered by time, since a cancellation can precede the start', () => {
    const cancel = { requestedAt: at(10), graceSeconds: 1 };
    const command = aCommand({ createdAt: at(0), admittedAt: at(5), cancel, startedAt: at(20), endedAt: at(30) });
    expect(timelineOf(command).map(({ event }) => event)).toEqual([
      'queued',
      'admitted',
      'cancel_requested',
      'started',
      'ended',
    ]);
  });
});
