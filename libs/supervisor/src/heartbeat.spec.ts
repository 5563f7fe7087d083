import { Heartbeat, type Pulse } from './heartbeat.js';

describe('Heartbeat', () => {
  function aHeartbeat(over: Partial<Pulse> = {}) {
    const state = {
      header: 'taken' as string | null,
      isWaiting: true,
      asked: 0,
      stops: 0,
      answer: (): void => undefined,
    };
    const pulse: Pulse = {
      get header() {
        return state.header;
      },
      get isWaiting() {
        return state.isWaiting;
      },
      ask: (answered) => {
        state.asked++;
        state.answer = answered;
      },
      ...over,
    };
    const heartbeat = new Heartbeat(pulse, () => state.stops++, { intervalMs: 1, missesBeforeHeader: 4, misses: 2 });
    const beats = (count: number): void => {
      for (let i = 0; i < count; i++) heartbeat.beat();
    };
    return { state, heartbeat, beats };
  }

  it('asks again after each answer', () => {
    const { state, beats } = aHeartbeat();
    for (let i = 0; i < 10; i++) {
      beats(1);
      state.answer();
    }
    expect([state.asked, state.stops]).toEqual([10, 0]);
  });

  it('detects that there is no answer, having asked once', () => {
    const { state, beats } = aHeartbeat();
    beats(2);
    expect(state.stops).toBe(0);
    beats(1);
    expect([state.asked, state.stops]).toEqual([1, 1]);
  });

  it('waits longer for the header', () => {
    const { state, beats } = aHeartbeat();
    state.header = null;
    beats(4);
    expect(state.stops).toBe(0);
    beats(1);
    expect(state.stops).toBe(1);
  });

  it('does not count while there is something to read, or something arrives', () => {
    const { state, heartbeat, beats } = aHeartbeat();
    state.isWaiting = false;
    beats(10);
    expect(state.asked).toBe(0);
    state.isWaiting = true;
    for (let i = 0; i < 10; i++) {
      beats(1);
      heartbeat.arrived();
    }
    expect([state.asked, state.stops]).toEqual([1, 0]);
  });
});
