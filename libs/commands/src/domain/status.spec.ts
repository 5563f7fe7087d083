import { readFileSync } from 'node:fs';
import { COMMAND_STATUSES, hasEnded } from './status.js';

/** The transitions of the state diagram in docs/internals/architecture.md. */
function arrows(): { from: string; to: string }[] {
  const page = readFileSync('docs/internals/architecture.md', 'utf8');
  const diagram = /```mermaid\nstateDiagram-v2\n(.*?)```/s.exec(page)?.[1] ?? '';
  return [...diagram.matchAll(/^ *(\S+) --> (\w+|\[\*\])/gm)].map(([, from = '', to = '']) => ({ from, to }));
}

const END = '[*]';

describe('the state diagram of a command in docs/internals/architecture.md', () => {
  it('has the states of the code', () => {
    const drawn = new Set(arrows().flatMap(({ from, to }) => [from, to]));
    expect([...drawn].sort()).toEqual([END, ...COMMAND_STATUSES].sort());
  });

  it('begins in the queue', () => {
    expect(arrows().filter(({ from }) => from === END)).toEqual([{ from: END, to: 'queued' }]);
  });

  it('has no transition out of an ended state, and ends only in those', () => {
    const ended = COMMAND_STATUSES.filter(hasEnded);
    const last = arrows().filter(({ to }) => to === END);
    expect(last.map(({ from }) => from).sort()).toEqual([...ended].sort());
    const left = arrows().filter(({ from, to }) => to !== END && ended.some((status) => status === from));
    expect(left).toEqual([]);
  });

  it('reaches every state', () => {
    const reached = new Set(arrows().map(({ to }) => to));
    expect(COMMAND_STATUSES.filter((status) => !reached.has(status))).toEqual([]);
  });
});
